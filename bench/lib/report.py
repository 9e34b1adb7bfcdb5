# SPDX-License-Identifier: MPL-2.0
"""Tables of figures, and what was recorded before: bench/results/NAME.tsv, a row for each line of each recorded run."""
import csv
import datetime
import statistics
import sys

from stage import BENCH, commit, machine

COLUMNS = ["date", "commit", "line", "value", "ours", "ours_min", "ours_max", "theirs", "theirs_min", "theirs_max", "unit",
           "pairs", "seconds", "note", "machine"]
DROP = 0.05


def short(number):
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def middle(numbers, unit=""):
    """Median, and the least and the most."""
    if not numbers:
        return ""
    text = f"{short(statistics.median(numbers))} {unit}".strip()
    return text + (f" ({short(min(numbers))} to {short(max(numbers))})" if len(numbers) > 1 else "")


def table(head, rows, markdown):
    """As text in columns, or as Markdown."""
    if markdown:
        lines = [head, ["---"] * len(head), *rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head, *rows])


def figures(found, markdown):
    rows = []
    for figure in found:
        line = figure.line
        rows.append([f"`{line.name}`" if markdown else line.name, line.what, line.goal(),
                     ("" if figure.met else "**" if markdown else "! ") + short(figure.value) +
                     ("**" if markdown and not figure.met else ""),
                     middle(figure.ours, line.unit), middle(figure.theirs, line.unit), line.against or "-", figure.note])
    return table(["line", "what", "target", "value", "median (least to most)", "against", "which is", "note"], rows, markdown)


class Record:
    def __init__(self, name):
        self.path, self.machine = BENCH / "results" / f"{name}.tsv", machine()
        self.rows = []
        if self.path.exists():
            with open(self.path, newline="") as file:
                self.rows = list(csv.DictReader(file, delimiter="\t"))

    def last(self, line):
        """The value recorded last, on a machine like this."""
        return next((float(row["value"]) for row in reversed(self.rows)
                     if row["line"] == line and row["machine"] == self.machine), None)

    def append(self, found, options):
        self.path.parent.mkdir(exist_ok=True)
        new, now = not self.path.exists(), datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        with open(self.path, "a", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            if new:
                writer.writerow(COLUMNS)
            for figure in found:
                sides = [f"{value:.6g}" if side else "" for side in (figure.ours, figure.theirs)
                         for value in ((statistics.median(side), min(side), max(side)) if side else (0, 0, 0))]
                writer.writerow([now, commit(), figure.line.name, f"{figure.value:.6g}", *sides, figure.line.unit,
                                 options.pairs, options.seconds, figure.note, self.machine])

    def compare(self, found, color):
        """Prints what became worse, or better, by more than 5 % since the last recorded run."""
        red, green, end = ("\033[31m", "\033[32m", "\033[0m") if color else ("", "", "")
        for figure in found:
            last = self.last(figure.line.name)
            if not last:
                continue
            change = figure.value / last - 1
            worse = change if figure.line.most else -change
            if abs(change) > DROP:
                print(f"{red if worse > 0 else green}{figure.line.name}: {'worse' if worse > 0 else 'better'} by "
                      f"{abs(change):.0%} than the last recorded run ({short(figure.value)}, was {short(last)}){end}")


def colored(choice):
    return choice == "always" or (choice == "auto" and sys.stdout.isatty())
