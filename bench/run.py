#!/usr/bin/env python3
"""Runs the benchmarks and prints one table of what they measured.

    run.py BUILD-DIRECTORY [--peers LIST] [--rounds N] [--quick] [--json FILE] [--svg FILE] [NAME...]
    run.py --needs BUILD-DIRECTORY ...        measures nothing: says "peers" if it would want all of them

There are two kinds of benchmarks. The loads of servers.py keep servers busy, Torc's and those of its
peers. The others are a list of programs. Each prints samples, one a line, with tabs between:

    what was measured <tab> in which way <tab> unit <tab> value

The same what and way again is the next sample of it. A value "-" means that it cannot be measured
here, and a fifth column says why; that is shown as such, and never as a zero. A program that finds
a wrong answer says so on stderr and ends with a status other than 0, which fails the run.

"noisy" stands beside a figure whose samples lie further apart than NOISY_SPREAD of their median.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median

import picture
import servers

HERE = Path(__file__).resolve().parent
NOISY_SPREAD = 0.10
TIME_LIMIT = 300  # seconds for one program; the usual is less than ten
ROUNDS = 7
LOAD_ROUNDS = 5  # there are many servers
HEADINGS = ("what", "way", "median", "unit", "min", "max", "spread", "")


def benchmarks(build, options):
    """Name -> commands. Sizes are such that all of them together take less than 30 seconds."""
    programs = build / "bench"
    size = [str(options.rounds or ROUNDS), "1" if options.quick else "100"]
    return {
        "sim": [[programs / "sim_bench", *size]],
        "seam": [
            [programs / "seam_bench", *size],
            [HERE / "seam_count.sh", programs / "seam_bench", "1000" if options.quick else "10000"],
        ],
        "inside": [[programs / "inside_bench", *size]],
    }


def check_names(parser, names, known, what):
    for name in names:
        if name not in known:
            parser.error(f"there is no {what} '{name}'; there are: {', '.join(known)}")


def check_output(parser, option, path):
    """Before anything is measured, for it is written last."""
    if path is None:
        return
    target = path if os.path.exists(path) else Path(path).parent
    if not path or os.path.isdir(path) or not os.access(target, os.W_OK):
        parser.error(f"{option}: {path or 'a file without a name'} cannot be written")


def read_options():
    """The options, with `commands` and `loads`: what to run; and `peers`: who runs in the loads."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("build", type=Path)
    parser.add_argument("--needs", action="store_true")
    parser.add_argument("--peers", type=lambda text: text.split(","))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--svg")
    parser.add_argument("names", nargs="*")
    parser.error = lambda message: parser.exit(2, f"bench: {message}; ./dev bench --help\n")
    options = parser.parse_intermixed_args()
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds takes a number from 1")
    commands = benchmarks(options.build, options)
    known = [*servers.LOADS, *commands]
    check_names(parser, options.names, known, "benchmark")
    check_names(parser, options.peers or [], servers.PEERS, "peer")
    check_output(parser, "--json", options.json)
    check_output(parser, "--svg", options.svg)
    names = options.names or known
    options.all_peers = options.peers is None
    options.peers = options.peers or list(servers.PEERS)
    options.commands = {name: commands[name] for name in names if name in commands}
    options.loads = [name for name in names if name in servers.LOADS]
    if options.svg and not options.loads:
        parser.error("--svg shows servers under load, and none is measured")
    return options


# ---- measuring -----------------------------------------------------------------------------------


def run(command):
    """The lines of samples that a program prints, each split."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=TIME_LIMIT)
    except (OSError, subprocess.TimeoutExpired) as problem:
        sys.exit(f"bench: {problem}")
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} failed with status {done.returncode}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def summary(samples):
    middle, low, high = median(samples), min(samples), max(samples)
    spread = (high - low) / middle if middle else 0.0
    return {"median": middle, "min": low, "max": high, "spread": spread, "noisy": spread > NOISY_SPREAD}


def measure_loads(options):
    rounds = options.rounds or (1 if options.quick else LOAD_ROUNDS)
    try:
        return servers.measure(options.build, options.loads, options.peers, rounds, options.quick, summary)
    except servers.Failed as problem:
        sys.exit(f"bench: {problem}")


def measure(commands):
    """One row for each way in which something was measured. The ways of one thing stand together,
    also when two programs measured them."""
    things = {}
    for name, programs in commands.items():
        print(f"bench: measuring {name}", file=sys.stderr)
        for what, way, unit, value, *reason in (line for program in programs for line in run(program)):
            ways = things.setdefault((name, what), {})
            row = ways.setdefault(way, {"benchmark": name, "what": what, "way": way, "unit": unit, "samples": []})
            if value == "-":
                row["missing"] = reason[0]
            else:
                row["samples"].append(float(value))
    rows = [row for ways in things.values() for row in ways.values()]
    for row in rows:
        if row["samples"]:
            row |= summary(row["samples"])
    return rows


# ---- telling -------------------------------------------------------------------------------------


def machine():
    """What figures of today have to be read with."""
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        processor = next(line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        processor = platform.machine()
    return {"processor": processor, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.release()}",
            "load": round(os.getloadavg()[0], 2)}


def number(value):
    """With three digits at least, and thousands apart."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}"


def cells(row):
    if "missing" in row:
        return (row["what"], row["way"], "missing", row["unit"], "", "", "", row["missing"])
    if len(row["samples"]) == 1:
        return (row["what"], row["way"], number(row["median"]), row["unit"], "", "", "", "")
    return (row["what"], row["way"], number(row["median"]), row["unit"], number(row["min"]), number(row["max"]),
            f"{row['spread']:.1%}", "noisy" if row["noisy"] else "")


def print_table(rows):
    lines = [HEADINGS, *(cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    to_the_right = (2, 4, 5, 6)
    above = None
    for line in lines:
        shown = ("" if line[0] == above else line[0], *line[1:])
        above = line[0]
        print("  ".join(cell.rjust(width) if i in to_the_right else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(shown, widths))).rstrip())


def print_report(report):
    where = report["machine"]
    programs = [row for row in report["rows"] if "peer" not in row]
    loads = [row for row in report["rows"] if "peer" in row]
    print(f"{report['date'][:10]}, {where['processor']}, {where['cores']} cores, {where['system']}")
    if loads:
        servers.print_tables(loads)
    if programs:
        print()
        print_table(programs)
    if report["quick"]:
        print("\nTiny sizes: these figures mean nothing.")
    elif any(row.get("noisy") for row in report["rows"]):
        print(f"\nNoisy: samples lie further apart than {NOISY_SPREAD:.0%} of their median. The load of the machine "
              f"was {where['load']}\nwhen this began; try again when it does nothing else.")


def write(path, text):
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as problem:
        sys.exit(f"bench: {problem}")


def main():
    options = read_options()
    if options.needs:
        print("peers" if options.loads and options.all_peers else "")
        return
    report = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "machine": machine(), "quick": options.quick, "noisy_spread": NOISY_SPREAD}
    report["rows"] = measure_loads(options) + measure(options.commands)
    print_report(report)
    if options.json:
        write(options.json, json.dumps(report, indent=2) + "\n")
    if options.svg:
        write(options.svg, picture.draw(report))


if __name__ == "__main__":
    main()
