# SPDX-License-Identifier: MPL-2.0
"""A command that measures lines, as bench/run and bench/auth do: its options, the table, what was recorded."""
import argparse
import pathlib
import sys

import report
import stage
from lines import Figure


def options(name, about, usual):
    parser = argparse.ArgumentParser(prog=f"bench/{name}", description=about,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", metavar="all | line NAME...", help=f"without it: {usual}")
    parser.add_argument("--list", action="store_true", help="the lines, with their targets")
    parser.add_argument("--pairs", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--seconds", type=int, default=5, help="of one measurement (5)")
    parser.add_argument("--minutes", type=int, default=10, help="of the line `memory` (10)")
    parser.add_argument("--actors", type=int, default=2, help="database actors, where the line does not say (2)")
    parser.add_argument("--gateways", type=int, default=1, help="gateway threads, where the line does not say (1)")
    parser.add_argument("--smoke", action="store_true", help="as short and small as can be: whether it works, no figures")
    parser.add_argument("--record", action="store_true", help=f"append to bench/results/{name}.tsv")
    parser.add_argument("--markdown", action="store_true", help="the table for docs/performance.md")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", nargs="?", const="always")
    parser.add_argument("--build", type=pathlib.Path, default=stage.SOURCE / "build/release", help="folder of the build")
    return parser


def wanted(parser, which, lines):
    """The lines that were asked for, in their order."""
    if which == ["all"]:
        return list(lines.values())
    names = which[1:] if which[:1] == ["line"] else which
    wrong = [name for name in names if name not in lines]
    if wrong or not names:
        parser.error(f"no line {' '.join(wrong)}; there are: {' '.join(lines)}")
    return [lines[name] for name in lines if name in names]


def show(lines):
    for line in lines.values():
        print(f"{line.name:10} {line.goal():12} {line.what}" + (f" (ratio to {line.against})" if line.against else ""))


def measure(place, line, chosen):
    stage.say(f"{line.name}: {line.what}" + (f", against {line.against}" if line.against else ""))
    return Figure(line, *line.measure(place, chosen))


def main(name, about, lines, usual):
    """The exit status. `usual`: what is measured when nothing is said."""
    parser = options(name, about, usual)
    chosen = parser.parse_args()
    if chosen.list:
        show(lines)
        return 0
    asked = wanted(parser, chosen.which or usual.split(), lines)
    if chosen.smoke:
        chosen.pairs = chosen.seconds = 1
    if chosen.record and chosen.seconds < 2:
        parser.error("--record takes at least --seconds 2: shorter ones are no figures")
    stage.need("wrk", "pgbench", "psql")
    stage.interruptible()
    if stage.many_files() < 10100 and not chosen.smoke and any(line.name == "idle" for line in asked):
        sys.exit("idle needs 10,100 open files: ulimit -Hn")
    found, failed = [], []
    with stage.Stage(chosen.build, chosen.smoke) as place:
        for line in asked:
            try:
                found.append(measure(place, line, chosen))
            except RuntimeError as error:
                stage.say(f"  {line.name} failed: {error}")
                failed.append(line.name)
    record = report.Record(name)
    print(f"{record.machine}; commit {stage.commit()}; {chosen.pairs} pairs of {chosen.seconds} s\n")
    print(report.figures(found, chosen.markdown))
    record.compare(found, report.colored(chosen.color))
    if chosen.record:
        record.append(found, chosen)
    return 1 if failed else 0
