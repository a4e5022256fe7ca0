#!/usr/bin/env python3
"""Counts what a run of "meson test" did, and says what failed.

    test_summary.py TESTLOG.JSON RERUN-COMMAND

Meson counts programs; this counts the tests inside them where a program tells: libcheck prints
"100%: Checks: 23, Failures: 0, Errors: 0" for each runner, a script may print "5 passed, 0 failed".
Any other program is one test. A program that crashed, hung or failed counts at least one failure,
whatever it printed before. The last line is "N passed, N failed", with ", N skipped" if any were.
"""

import json
import re
import shlex
import sys

CHECK_LINE = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.MULTILINE)
OWN_LINE = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)
GOOD = ("OK", "EXPECTEDFAIL")
TAIL_LINES = 40


def count(run):
    """(passed, failed, skipped) of one program."""
    output = run.get("stdout", "")
    passed = failed = skipped = 0
    counted = True
    if check_lines := CHECK_LINE.findall(output):
        for checks, failures, errors in check_lines:
            failed += int(failures) + int(errors)
            passed += int(checks) - int(failures) - int(errors)
    elif own_lines := OWN_LINE.findall(output):
        passed, failed, skipped = (int(number or 0) for number in own_lines[-1])
    else:
        counted = False

    if run["result"] == "SKIP":
        return (passed, failed, skipped or 1)
    if run["result"] in GOOD:
        return (passed, failed, skipped) if counted else (1, 0, 0)
    return (passed, max(failed, 1), skipped)


def explain(run, name, rerun):
    outcome = run["result"].lower()
    if run["returncode"] < 0 and run["result"] != "TIMEOUT":
        outcome += f", killed by signal {-run['returncode']}"
    elif run["returncode"] > 0:
        outcome += f", exit status {run['returncode']}"
    print(f"\n==== {name}: {outcome} after {run['duration']:.1f} s")
    lines = (run.get("stdout", "") + run.get("stderr", "")).rstrip().splitlines()
    if len(lines) > TAIL_LINES:
        print(f"  ... {len(lines) - TAIL_LINES} lines before; all of it is in the test log")
    for line in lines[-TAIL_LINES:]:
        print("  " + line)
    print(f"---- again: {rerun} {shlex.quote(name)}")
    print(f"     alone: {shlex.join(run['command'])}")


def main():
    path, rerun = sys.argv[1:]
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            runs = [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        runs = []

    totals = [0, 0, 0]
    for run in runs:
        # Meson names a test "project:suite / name".
        name = run["name"].split(" / ")[-1]
        numbers = count(run)
        totals = [total + number for total, number in zip(totals, numbers)]
        if numbers[1] > 0:
            explain(run, name, rerun)
    if not runs:
        print("no test ran: is there one of that name? ./dev test --list shows them")

    passed, failed, skipped = totals
    print(f"\n{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
