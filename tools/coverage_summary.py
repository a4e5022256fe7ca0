#!/usr/bin/env python3
"""Prints how much of each folder the tests reach, and ends with 1 where that is too little.

    coverage_summary.py COVERAGE.JSON [FILE...]

COVERAGE.JSON is what "gcovr --json" writes. Under the table stand the files that have too little by
themselves, with the reason that tools/coverage_left.txt gives; one without a reason is too little,
whatever its folder has. For a FILE (part of a name will do) each line and branch that was not reached
is shown.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

FOLDERS = ["reactor", "transports", "protocols", "factories", "endpoints"]
WANTED_LINES = 95.0
WANTED_BRANCHES = 85.0
LEFT = Path(__file__).resolve().parent / "coverage_left.txt"


class Count:
    def __init__(self):
        self.lines = self.lines_hit = self.branches = self.branches_hit = 0

    def add(self, entry):
        for line in entry["lines"]:
            if line.get("gcovr/noncode"):
                continue
            self.lines += 1
            self.lines_hit += line["count"] > 0
            self.branches += len(line["branches"])
            self.branches_hit += sum(branch["count"] > 0 for branch in line["branches"])

    @property
    def line_share(self):
        return 100.0 * self.lines_hit / self.lines if self.lines else 100.0

    @property
    def branch_share(self):
        return 100.0 * self.branches_hit / self.branches if self.branches else 100.0

    @property
    def enough(self):
        return self.line_share >= WANTED_LINES and self.branch_share >= WANTED_BRANCHES

    def row(self, name):
        return (f"{name:<36}{self.lines:>7}{self.line_share:>8.1f} %"
                f"{self.branches:>9}{self.branch_share:>8.1f} %")


def ranges(numbers):
    """"3-5 9" for 3, 4, 5, 9."""
    runs = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def read_reasons(path):
    """file -> why it has too little."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split(None, 1) for line in lines if line and not line.startswith("#"))


def show_missing(entry):
    lines = [line for line in entry["lines"] if not line.get("gcovr/noncode")]
    print(f"\n{entry['file']}")
    print("    lines   ", ranges([l["line_number"] for l in lines if l["count"] == 0]))
    print("    branches", ranges([l["line_number"] for l in lines if l["count"] > 0 and
                                  any(b["count"] == 0 for b in l["branches"])]))


def main():
    entries = json.load(open(sys.argv[1], encoding="utf-8"))["files"]
    folders = defaultdict(Count)
    files = {}
    for entry in entries:
        folder = entry["file"].split("/")[0]
        if folder in FOLDERS:
            folders[folder].add(entry)
            files[entry["file"]] = Count()
            files[entry["file"]].add(entry)

    print(f"{'':<36}{'lines':>7}{'reached':>10}{'branches':>9}{'reached':>10}")
    for folder in FOLDERS:
        print(folders[folder].row(folder))
    reasons = read_reasons(LEFT)
    short = sorted((name for name in files if not files[name].enough),
                   key=lambda name: files[name].branches_hit - files[name].branches)
    if short:
        print(f"\nfiles with less than {WANTED_LINES:.0f} % of lines or {WANTED_BRANCHES:.0f} % of "
              "branches, and why:")
    for name in short:
        print(files[name].row(name))
        print("    " + reasons.get(name, "NO REASON in tools/coverage_left.txt"))
    for entry in entries:
        if any(wanted in entry["file"] for wanted in sys.argv[2:]):
            show_missing(entry)
    enough = all(folders[folder].lines and folders[folder].enough for folder in FOLDERS)
    return 0 if enough and reasons.keys() >= set(short) else 1


if __name__ == "__main__":
    sys.exit(main())
