# SPDX-License-Identifier: MPL-2.0
"""The programs that make load, and the numbers that they print."""
import math
import os
import random
import re

from stage import BENCH, program, run

UNITS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}


def microseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * UNITS[unit]


def wrk(server, connections, seconds, seed=1, **asked):
    """One thread of wrk with random.lua; `asked`: path, most, body, headers. Any answer but a 2xx ends the run."""
    env = {f"BENCH_{name.upper()}": str(value) for name, value in {**asked, "seed": seed}.items()}
    text = run("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", BENCH / "random.lua", server.url,
               env={**os.environ, **env})
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: .*|^  0 requests in .*", text, re.M)
    if bad:
        raise RuntimeError(f"wrk, {server.name}: {bad.group(0)}")
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
            "requests": int(re.search(r"(\d+) requests in", text).group(1)),
            "p50": microseconds(re.search(r"^\s+50%\s+(\S+)", text, re.M).group(1)),
            "p99": microseconds(re.search(r"^\s+99%\s+(\S+)", text, re.M).group(1))}


def pgbench(postgres, seconds, clients=8, script="one.sql"):
    """Transactions a second of one thread with prepared statements. In a single second not all may have connected, so
    that is 50 transactions of each instead."""
    until = ["-T", seconds] if seconds > 1 else ["-t", 50]
    text = run(program("pgbench"), "-n", "-M", "prepared", "-c", clients, "-j", "1", *until, "-f", BENCH / script, "-h",
               postgres.socket, "-U", "muster", "gathering")
    return float(re.search(r"tps = ([\d.]+)", text).group(1))


def constant_rate(stage, server, rate, seconds):
    """p99 in microseconds at a constant rate: h2load where it is installed, else bench_open. h2load's timers have ten
    milliseconds, when each connection sends what is due, one after another: so the fewest connections that hold the rate
    make it the most constant."""
    if not program("h2load"):
        return stage.tool("bench_open", server.port, rate, seconds)["p99"]
    connections = max(12, math.ceil(rate / 1300))
    log, uris = stage.folder / "h2load.log", stage.folder / "h2load.uris"
    uris.write_text("".join(f"{server.url}/one/{random.randint(1, 10000)}\n" for _ in range(10000)))
    log.unlink(missing_ok=True)
    text = run("h2load", "--h1", "-c", connections, "-t1", "-D", seconds, f"--rps={rate / connections:.2f}", "-i", uris,
               f"--log-file={log}")
    good = re.search(r"(\d+) succeeded, 0 failed, 0 errored, 0 timeout", text)
    if not good or not re.search(rf"{good.group(1)} 2xx, 0 3xx, 0 4xx, 0 5xx", text):
        raise RuntimeError(f"h2load: not all was well:\n{text}")
    if int(good.group(1)) < 0.95 * rate * seconds:
        raise RuntimeError(f"h2load did not hold {rate:.0f} requests/s:\n{text}")
    latencies = sorted(int(line.split()[2]) for line in log.read_text().splitlines())
    return latencies[int(0.99 * (len(latencies) - 1))]
