#!/usr/bin/env python3
"""Writes docs/reliability.md: the figures that the commands of ./dev have left in build directories.

    scorecard.py [--root FOLDER] [--output FILE]

FILE is docs/reliability.md unless given. It measures nothing itself. What no command has produced here is not printed but named, with the
command that would produce it. Ledgers (build-*/ledger) have a line of JSON for each run; runs before
the last one that found something do not count, for what they ran was other code.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import contract
import coverage_summary
import test_summary

PAGE = """# Reliability

Written by `./dev scorecard` from what other commands have counted on one machine; run those, then it,
to have your own figures. A figure that no command has produced is not here.

{machine}

{body}
"""

# How ./dev test was called -> its build directory, the end of its log's name, the suites that it leaves
# out; None: all but the unit tests.
TEST_RUNS = {
    "./dev test": ("build-test", "", set()),
    "./dev test --sanitize address,undefined": ("build-asan-ubsan", "", {"budget"}),
    "./dev test --sanitize thread": ("build-tsan", "", {"budget"}),
    "./dev test --valgrind": ("build-test", "-memcheck.sh", None),
}
BACKENDS = ("poll", "select")  # besides that of the system, for the unit tests
EXECUTIONS_WANTED = 10_000_000
SEQUENCES_WANTED = 1_000_000
FUZZ_LENGTH = 4096  # of a run that does not say how long inputs might be
FUZZ_SHORT = 128  # as docs/fuzzing.md advises for long runs


HOSTILE_MOST = 100  # milliseconds, the usual --p99 (tests/integration/hostile_test.sh)


class Page:
    def __init__(self, root):
        self.root = root
        self.lines = []
        self.missing = []

    def section(self, title):
        self.lines += ["", f"## {title}", ""]

    def say(self, *lines):
        self.lines += lines

    def table(self, head, rows):
        self.say(head, "|" + "---|" * (head.count("|") - 1), *rows)

    def lack(self, what, command):
        self.missing.append(f"- {what}: `{command}`")


def day(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d")


def number(value):
    return f"{value:,}"


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def load_lines(path):
    text = path.read_text(encoding="utf-8", errors="replace")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def said_by(*command, cwd):
    run = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return run.stdout.strip().splitlines()[0] if run.returncode == 0 and run.stdout else ""


def commit(root):
    """"" where there is none. This page does not make its own commit another one."""
    name = said_by("git", "describe", "--always", cwd=root)
    changed = said_by("git", "status", "--porcelain", "--untracked-files=no", "--", ".",
                      ":!docs/reliability.md", cwd=root)
    return f"{name}-dirty" if name and changed else name


def machine(root):
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = f"{platform.system()} {platform.release().split('-')[0]}"
    compiler = said_by("cc", "--version", cwd=root)
    written = commit(root)
    return (f"The machine: {os.cpu_count()} processors, {memory:.0f} GiB of memory, {kernel}, {compiler}."
            + (f"\nThe page was written at `{written}`. Each row is of the code of its day: what has changed since,\n"
               "`git log --since=DAY` says." if written else ""))


# ---- promises

def state_of(sentence, places):
    if places:
        return f"{len(places)} test{'s' if len(places) > 1 else ''}"
    return "does not apply" if contract.NEEDS_NO_TEST.search(sentence) else "open"


def promises(page):
    problems = []
    statements = contract.read_pages(page.root, problems)
    held = contract.hold(statements, page.root / "tests", problems)
    bugs = [name for name in statements if name.startswith("BUG-")]
    bugs.sort(key=lambda name: int(name.split("-")[1]))
    others = [name for name in statements if name not in bugs]

    page.section("Promises")
    rows = []
    for what, names, command in [
            ("statements of the [contract](contract.md)", others, "./dev contract"),
            ("[classic bugs](classic-bugs.md) of such programs", bugs, "./dev contract BUG")]:
        states = [state_of(statements[name], held[name]) for name in names]
        exempt, unheld = states.count("does not apply"), states.count("open")
        rows.append(f"| {what} | {len(names)} | {len(names) - exempt - unheld} | {exempt} | {unheld} | "
                    f"`{command}` |")
    page.table("| | all | held by tests | do not apply | open | again |", rows)
    page.say("", "The classic bugs, one by one. Those that do not apply belong to parts that Torc does",
             "not have:", "")
    page.table("| | the bug | |",
               [f"| {name} | {statements[name].split('. ')[0]} | {state_of(statements[name], held[name])} |"
                for name in bugs])


# ---- tests

def wanted_tests(build, left_out):
    tests = load(build / "meson-info/intro-tests.json")
    suites = [{suite.split(":")[-1] for suite in test["suite"]} for test in tests]
    if left_out is None:
        return sum("unit" in suite for suite in suites)
    return sum(not suite & left_out for suite in suites)


def test_runs():
    """(command, build directory, log, suites left out)"""
    for command, (folder, end, left_out) in TEST_RUNS.items():
        yield command, folder, f"testlog{end}", left_out
        for backend in BACKENDS:
            yield f"{command} --backend {backend}", folder, f"testlog-{backend}{end}", None


def skips(runs):
    """What was left out, and why, as far as the test says it."""
    for run in runs:
        if test_summary.count(run)[2]:
            output = run.get("stdout", "") + run.get("stderr", "")
            why = [line.removeprefix("skipped: ") for line in output.splitlines() if line.startswith("skipped: ")]
            yield f"`{run['name'].split(' / ')[-1]}`" + (f" ({why[-1]})" if why else "")


def tests(page):
    rows = []
    skipped_ones = []
    for command, folder, log, left_out in test_runs():
        path = page.root / folder / "meson-logs" / f"{log}.json"
        runs = load_lines(path) if path.exists() else []
        if not runs or len(runs) < wanted_tests(page.root / folder, left_out):
            how = command.removeprefix("./dev test").replace(" --backend", " on").replace(" --", " under ")
            how = how.replace("sanitize ", "")
            page.lack("tests" + how, command)
            continue
        passed, failed, skipped = map(sum, zip(*map(test_summary.count, runs)))
        if skipped:
            skipped_ones.append(f"Skipped by `{command}`: {', '.join(skips(runs))}.")
        rows.append(f"| {number(passed)} | {failed} | {skipped} | {len(runs)} | `{command}` | "
                    f"{day(path.stat().st_mtime)} |")
    if rows:
        page.section("Tests")
        page.table("| passed | failed | skipped | programs | again | when |", rows)
        for sentence in skipped_ones:
            page.say("", sentence)


def budgets(page):
    path = page.root / "build-test/meson-logs/testlog.json"
    runs = load_lines(path) if path.exists() else []
    rows = []
    for run in runs:
        name = run["name"].split(" / ")[-1]
        said = run.get("stdout", "").strip().splitlines()
        if name.startswith("budget-") and said and run["result"] == "OK":
            rows.append(f"| {said[0]} | `./dev test {name}` | {day(run['starttime'])} |")
    if not rows:
        page.lack("costs", "./dev test --suite budget")
    else:
        page.section("Costs that are held by tests")
        page.say("Counted, not timed, in the release build.", "")
        page.table("| | again | when |", rows)


def coverage(page):
    path = page.root / "build-coverage/coverage.json"
    if not path.exists():
        page.lack("coverage", "./dev coverage")
        return
    counts = defaultdict(coverage_summary.Count)
    for entry in load(path)["files"]:
        counts[entry["file"].split("/")[0]].add(entry)
    page.section("Coverage")
    page.say(f"Wanted: {coverage_summary.WANTED_LINES:.0f} % of lines and "
             f"{coverage_summary.WANTED_BRANCHES:.0f} % of branches. Branches of `assert` do not count.", "")
    page.table("| | lines | reached | branches | reached | again | when |",
               [f"| {folder} | {number(count.lines)} | {count.line_share:.1f} % | "
                f"{number(count.branches)} | {count.branch_share:.1f} % | `./dev coverage` | "
                f"{day(path.stat().st_mtime)} |"
                for folder in coverage_summary.FOLDERS if (count := counts[folder]).lines])


# ---- ledgers

def ledgers(root):
    """tool -> its lines, in the order of time."""
    lines = defaultdict(list)
    for path in root.glob("build*/ledger"):
        for line in load_lines(path):
            lines[line["tool"]].append(line)
    for runs in lines.values():
        runs.sort(key=lambda run: run["when"])
    return lines


def since_the_last_find(runs, found):
    for at in range(len(runs), 0, -1):
        if runs[at - 1][found]:
            return runs[at:]
    return runs


# The tool's name in the ledger -> what failed, and how many are wanted.
# tests counts for the same as resources.
TORTURE = {"resources": ("allocations, descriptors and threads that were missing", 50_000, ""),
           "tests": ("the same in tests, which may fail then", 0, " --test all"),
           "calls": ("system calls that failed, by the errno table", 10_000, "")}


def torture(page, lines):
    rows = []
    for tool, (what, wanted, how) in TORTURE.items():
        runs = since_the_last_find(lines[tool], "failed")
        if not runs:
            page.lack(what, f"./dev torture{how}")
            continue
        # The same faults again are not more faults: the largest run alone counts.
        run = max(runs, key=lambda run: run["survived"])
        command = f"./dev torture{how.removesuffix(' all')} --seed {run['seed']}{' all' if how else ''}"
        if run.get("points"):
            command = command.replace("--seed", f"--points {run['points']} --seed")
        if run.get("sanitizer"):
            command = command.replace("--seed", f"--sanitize {run['sanitizer']} --seed")
        rows.append(f"| {what} | {number(run['survived'])} | {number(wanted) if wanted else 'as above'} | "
                    f"{run['seconds']:.0f} s | `{command}` | {day(run['when'])} |")
    if rows:
        page.section("Faults survived")
        page.say("In each run another call fails. Nothing crashed, leaked or hung, and the same reactor",
                 "then served a fresh echo; not in tests, which show no more than that nothing of the kind",
                 "happened until they failed.", "")
        page.table("| | survived | wanted | took | again | when |", rows)


def from_seeds(runs):
    """The run's sanitizer -> runs of ./dev calls; the fuzzer's own are left out."""
    kinds = defaultdict(list)
    for run in runs:
        if run.get("from") == "seeds":
            kinds[run["sanitizer"]].append(run)
    return kinds


def fuzz_row(what, runs, wanted, again):
    done = sum(run["executions"] for run in runs)
    features = max(run["features"] for run in runs)
    return (f"| {what} | {number(done)} | {number(wanted)} | {number(features) if features else ''} | "
            f"`{again}` | {day(runs[-1]['when'])} |")


def told_of(runs):
    """What the sums of the fuzzer's own runs are of."""
    done = sum(run["executions"] for run in runs)
    short = sum(run["executions"] for run in runs if run.get("length", FUZZ_LENGTH) <= FUZZ_SHORT)
    return [f"Each figure is the sum of a target's runs since something was found last, {len(runs)} runs in all;",
            f"{100 * short // done if done else 0} % of the executions were of inputs of up to {FUZZ_SHORT} bytes, and "
            f"{number(done - short)} of longer",
            "ones as well (`build-fuzz/ledger` has each run). The command does not repeat the sum: it adds a",
            "minute to it. From seeds it is the largest run alone, which the command repeats."]


def seeds_row(target, sanitizer, runs):
    """The same seeds again are not more sequences: the largest run alone counts."""
    run = max(runs, key=lambda run: run["executions"])
    how = f" --sanitize {sanitizer}" if sanitizer else ""
    under = f"under {sanitizer}" if sanitizer else "without sanitizers"
    return fuzz_row(f"{target}, from seeds, {under}", [run], SEQUENCES_WANTED,
                    f"./dev {target} --seeds {run['executions']} --first {run['seed']}{how}")


def fuzz(page, lines):
    rows = []
    summed = []
    targets = defaultdict(list)
    for line in lines["fuzz"]:
        targets[line["target"]].append(line)
    for target, all_runs in sorted(targets.items()):
        runs = since_the_last_find(all_runs, "crashes")
        fuzzed = [run for run in runs if run.get("from") != "seeds"]
        wanted = SEQUENCES_WANTED if target == "calls" else EXECUTIONS_WANTED
        if fuzzed:
            summed += fuzzed
            rows.append(fuzz_row(target, fuzzed, wanted, f"./dev fuzz {target}"))
        else:
            page.lack(f"fuzzing `{target}`, after what was found last", f"./dev fuzz {target}")
        for sanitizer, seeds in sorted(from_seeds(runs).items(), reverse=True):
            rows.append(seeds_row(target, sanitizer, seeds))
    if not targets:
        page.lack("fuzzing", "./dev fuzz")
    if rows:
        page.section("Fuzzing")
        page.say("Inputs that broke nothing, under the address and undefined-behaviour sanitizers unless it",
                 "says otherwise; for `calls` an input is a sequence of public calls ([fuzzing](fuzzing.md)).",
                 *told_of(summed), "")
        page.table("| target | executions | wanted | features | again | when |", rows)


def distinct(runs):
    """How many seeds were run, once or more often."""
    count = end = 0
    for run in sorted(runs, key=lambda run: run["seed"]):
        last = run["seed"] + run["runs"]
        count += max(0, last - max(end, run["seed"]))
        end = max(end, last)
    return count


def swarm(page, lines):
    runs = since_the_last_find(lines["swarm"], "failed")
    if not runs:
        page.lack("simulated swarms", "./dev swarm")
        return
    page.section("Swarms")
    page.say("Servers, a hundred clients that misbehave and system calls that fail, in a simulation;",
             "each run counted has a seed of its own ([testing](testing.md)).", "")
    page.table("| runs without a find | took | the latest again | when |",
               [f"| {number(distinct(runs))} | "
                f"{sum(run['seconds'] for run in runs):.0f} s | "
                f"`./dev swarm --seeds {runs[-1]['runs']} --first {runs[-1]['seed']}` | "
                f"{day(runs[-1]['when'])} |"])


def hostile_rows(root):
    """All there are, as ./dev hostile names them."""
    script = root / "tests/integration/hostile_test.sh"
    run = subprocess.run([script, "--list"], env={**os.environ, "TORC": "none"}, capture_output=True,
                         text=True, check=False) if script.exists() else None
    return run.stdout.split() if run else []


def hostile_runs(runs, rows):
    """Row -> its runs; those under a limit are in the ledger by the server, or by "limits"."""
    found = defaultdict(list)
    for run in runs:
        limit = f"limits/{run['attack']}"
        if not run.get("sanitizer"):
            found[limit if limit in rows else f"{run['server']}/{run['attack']}"].append(run)
    return found


def at_worst(runs):
    """One run of a row that varies may be a lucky one."""
    judged = [run["p99_ms"] for run in runs if not run.get("unjudged")]
    return f"{max(judged):.1f} ms of {len(judged)}" if judged else ""


def verdict(run):
    """Of a row of ./dev hostile; ledgers of before it could be unjudged do not say so."""
    if run["failed"]:
        return " (failed)"
    return " (not judged)" if run.get("unjudged") else ""


def hostile_line(row, runs):
    """Some rows have no figures: they are passed or not."""
    run = runs[-1]
    again = f"`./dev hostile {row}` | {day(run['when'])} |"
    if "p99_ms" not in run:
        return f"| {row} | | |{verdict(run) or ' passed'} | | | {again}"
    return (f"| {row} | {number(run['peers'])} | {run['control_p99_ms']:.1f} ms | "
            f"{run['p99_ms']:.1f} ms{verdict(run)} | {at_worst(runs)} | {number(run['memory_most_kb'])} kB | {again}")


def hostile(page, lines):
    rows = hostile_rows(page.root)
    found = hostile_runs(lines["hostile"], rows)
    missing = [row for row in rows if row not in found]
    if not found:
        page.lack("hostile peers", "./dev hostile")
        return
    if missing:
        page.lack(f"hostile peers, {len(missing)} of {len(rows)} rows", f"./dev hostile {' '.join(missing)}")
    page.section("Hostile peers on real sockets")
    page.say("What the healthy clients of `torc serve` notice while others attack it: the time in which",
             f"99 % of their requests are answered. More than {HOSTILE_MOST} ms beside the attack is a failure, unless",
             "they waited before it, too. A difference of a few milliseconds is noise, for attackers, server and",
             "clients share the machine: a row may even be faster beside its attack than without. The latest run",
             "of each row, and the worst of all, some of which shared the machine with other work.", "")
    page.table("| row | peers | p99 without | p99 beside | at worst | most memory | again | when |",
               [hostile_line(row, runs) for row, runs in sorted(found.items())])
    if any(verdict(runs[-1]) == " (not judged)" for runs in found.values()):
        page.say("", "Not judged: the machine was so busy that clients waited without the attack, too.")


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()

    page = Page(arguments.root)
    lines = ledgers(arguments.root)
    promises(page)
    tests(page)
    coverage(page)
    budgets(page)
    torture(page, lines)
    fuzz(page, lines)
    swarm(page, lines)
    hostile(page, lines)
    if page.missing:
        page.section("Not measured here")
        page.say("Each with the command that would, before `./dev scorecard`:", "", *page.missing)
    output = arguments.output or arguments.root / "docs/reliability.md"
    output.write_text(PAGE.format(machine=machine(arguments.root), body="\n".join(page.lines).strip()),
                      encoding="utf-8")
    for line in page.missing:
        print("scorecard: missing:", line[2:].replace("`", ""))
    print(f"scorecard: wrote {output}" + (f"; {len(page.missing)} things are not measured here, and only named in it"
                                          if page.missing else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
