#!/usr/bin/env python3
"""Runs tests again and again, each time with another allocation, descriptor or thread missing.

    torture_tests.py [--points N] [--seed N] [--jobs N] [--ledger FILE] BUILD WHAT...
    torture_tests.py --targets BUILD WHAT...        names what is to be built for it
    torture_tests.py --list BUILD

BUILD is the build directory, where the programs are tests/torture/tortured_* (any_test.c says how
they work). WHAT is all; or a program, such as test_tcp_port; or one of its tests, test_tcp_port/NAME;
with :memory:17:once behind it only that call fails. NAME.2 is the second run of a test that runs
several times.

First the calls of each test are counted, in a run without faults; tests that do not end by themselves
then are left out. Call k then fails, once, and it and all that follow. A test may fail with a message
of its own, for it could not do what it wanted, wait in vain for what does not come, and the test kit
may give up. A find is: a crash in the library, a report of a sanitizer, a call of the library that does
not end, another status; and memory or descriptors that are left by a test that passes. A crash in the
test itself, which has not looked at what it got, is none, nor one in an internal function that it
handed NULL to: it counts as a failed test.

Status 0: nothing was found. 1: something was. 2: wrong arguments. 77: one run was asked for, and its
fault did not strike.
"""

import argparse
import collections
import functools
import itertools
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLASSES = ("memory", "descriptor", "thread")
MODES = ("once", "ever")
PREFIX = "tortured_"
PLANTED = "test_planted"  # has mistakes; only when it is named
SHOWN = 10  # finds of one program
MOST_CALLS = 200  # of one kind in one test that are tried; more meet nothing new

# Stands between the library and the C library.
MACHINERY = ("tests/torture/faults", "tests/torture/any_")

# Crashes and reports are for the program's own handler, leaks for its own check.
SANITIZERS = {
    "ASAN_OPTIONS": "exitcode=99:abort_on_error=1:handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0:"
                    "handle_sigill=0:leak_check_at_exit=0:detect_stack_use_after_return=0",
    "UBSAN_OPTIONS": "exitcode=99:abort_on_error=1:halt_on_error=1:print_stacktrace=1:handle_abort=0",
    "TSAN_OPTIONS": "exitcode=99:abort_on_error=1:halt_on_error=1:handle_segv=0:handle_abort=0",
}

Point = collections.namedtuple("Point", "test cls number mode live descriptors")
Count = collections.namedtuple("Count", "name calls live descriptors seconds")


class Refused(Exception):
    """A wrong argument."""


class Interrupted(Exception):
    """By a signal; what is in /tmp is removed first."""


# ---- programs

def introspected(build, what):
    return json.loads((build / f"meson-info/intro-{what}.json").read_text(encoding="utf-8"))


def programs(build):
    """name -> path, whether built or not"""
    return dict(sorted((target["name"].removeprefix(PREFIX), Path(target["filename"][0]))
                       for target in introspected(build, "targets") if target["name"].startswith(PREFIX)))


def arguments_of(build, name):
    for test in introspected(build, "tests"):
        if test["name"] == name:
            return test["cmd"][1:]
    return []


interrupted = threading.Event()
under_way = set()


def interrupt(_number, _frame):
    interrupted.set()
    for process in list(under_way):
        process.kill()  # its runs end with it


def run_until_interrupted(command, environment, folder):
    if interrupted.is_set():
        raise Interrupted
    with subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        under_way.add(process)
        if interrupted.is_set():
            process.kill()
        process.wait()
        under_way.discard(process)


class Program:
    """One program, in a folder of its own for what it reports."""

    def __init__(self, name, path, arguments, jobs, folder):
        self.name = name
        self.command = [str(path.resolve()), *arguments]
        self.jobs = jobs
        self.folder = Path(folder)

    def run(self, **environment):
        report = self.folder / "report"
        report.unlink(missing_ok=True)
        whole = {**os.environ, **SANITIZERS, **environment, "TORC_TORTURE_REPORT": str(report),
                 "TORC_TORTURE_JOBS": str(self.jobs), "CK_FORK": "yes", "CK_VERBOSITY": "silent"}
        run_until_interrupted(self.command, whole, self.folder)
        lines = report.read_text(errors="replace").splitlines() if report.exists() else []
        for line in lines:
            if line.startswith("file "):
                remove(line.removeprefix("file "))
        if interrupted.is_set():
            raise Interrupted
        return lines

    def count(self):
        """The tests that can be tried, by number."""
        tap = self.folder / "tap"
        lines = self.run(CK_TAP_LOG_FILE_NAME=str(tap))
        names = names_in(tap)
        counts = {}
        for line in lines:
            word, *values = line.split()
            if word == "count":
                number = int(values[0])
                told = {key: int(value) for key, value in (value.split("=") for value in values[1:])}
                counts[number] = Count(names.get(number, str(number)), {cls: told[cls] for cls in CLASSES},
                                       told["live"], told["descriptors"], told["ms"] / 1000)
        return counts

    def try_points(self, points, limit):
        """The lines of the report, as lists of words; the last is what was said."""
        plan = self.folder / "plan"
        plan.write_text("".join(f"{' '.join(map(str, point))}\n" for point in points), encoding="utf-8")
        return [line.split(" | ", 1)[0].split()[1:] + [line.partition(" | ")[2]]
                for line in self.run(TORC_TORTURE_PLAN=str(plan), TORC_TORTURE_LIMIT=str(limit))
                if line.startswith("point ")]


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)


def names_in(tap):
    """number -> name: "ok 3 - file.c:case:name: Passed"; equal ones are numbered."""
    names = {}
    seen = collections.Counter()
    for line in tap.read_text(errors="replace").splitlines() if tap.exists() else []:
        head, dash, rest = line.partition(" - ")
        if not dash or rest.count(":") < 3:
            continue
        name = rest.split(":")[2]
        seen[name] += 1
        names[int(head.split()[-1])] = name if seen[name] == 1 else f"{name}.{seen[name]}"
    return names


# ---- points

def points_of(at, count, wanted, chance):
    """All points of a test; of one call only, if that is wanted."""
    _, cls, number, mode = wanted
    if cls:
        return [Point(at, cls, number, mode, count.live, count.descriptors)]
    return [Point(at, one, k, how, count.live, count.descriptors)
            for one in CLASSES for how in MODES for k in chosen_calls(count.calls[one], chance)]


def chosen_calls(count, chance):
    """All, or of many the first ones and some of the others."""
    if count <= MOST_CALLS:
        return range(1, count + 1)
    return [*range(1, MOST_CALLS // 2 + 1),
            *chance.sample(range(MOST_CALLS // 2 + 1, count + 1), MOST_CALLS // 2)]


def sampled(groups, most, chance):
    """At most so many of the points: as many from each test, for those with many calls make many alike."""
    groups = [chance.sample(group, len(group)) for group in chance.sample(groups, len(groups))]
    turns = (point for row in itertools.zip_longest(*groups) for point in row if point)
    return list(itertools.islice(turns, most or None))


def read_what(what):
    """"program/test:memory:17:once" -> program, (test, class, number, mode); parts may be missing."""
    name, *fault = what.split(":")
    program, _, test = name.partition("/")
    if not fault:
        return program, (test, "", 0, "")
    if len(fault) != 3 or fault[0] not in CLASSES or not fault[1].isdigit() or fault[2] not in (
            "once", "burst", "others", "ever"):
        raise Refused(f"{what}: after the test comes :CLASS:NUMBER:MODE, such as :memory:17:once")
    return program, (test, fault[0], int(fault[1]), fault[2])


# ---- judging

@functools.cache
def from_the_root(path):
    """By what it ends with, for a compiler cache may have it from another folder; "" if it is not ours."""
    parts = path.split("/")
    for at, part in enumerate(parts):
        if part not in ("", ".", "..") and ROOT.joinpath(*parts[at:]).is_file():
            return os.path.normpath("/".join(parts[at:]))
    return ""


def frames_of(program, addresses):
    """(function, file from the root, line) of each, innermost first."""
    if not addresses or not shutil.which("addr2line"):
        return []
    said = subprocess.run(["addr2line", "-f", "-i", "-e", program, *addresses], capture_output=True,
                          text=True, check=False).stdout.splitlines()
    frames = []
    for function, place in zip(said[::2], said[1::2]):
        path, _, line = place.partition(" ")[0].rpartition(":")
        inside = from_the_root(path)
        if inside and not inside.startswith(MACHINERY):
            frames.append((function, inside, line))
    return frames


def is_test(frame):
    return frame[1].startswith("tests/") and "/planted_library" not in frame[1]


def is_of_the_test(frames, outcome):
    """Where the test itself went wrong: it has not looked at what it got, or waits for what does not
    come, as the reactor does that it runs."""
    if outcome == "hang":
        return bool(frames) and (is_test(frames[0]) or frames[0][0] == "wait_once")
    if not frames or is_test(frames[0]):
        return bool(frames)
    inside = list(itertools.takewhile(lambda frame: not is_test(frame), frames))
    handed_on = inside[-1][0].startswith("torc__") and len(inside) < len(frames)
    return handed_on and (outcome == "null" or len(inside) == 1)


FINDS = {"null": "a pointer is NULL", "leak": "passes, and leaves memory", "hang": "does not end",
         "descriptors": "passes, and leaves descriptors", "sanitizer": "the sanitizer found something"}
# How a run is called that is no find; but for the first of them the test ended early.
SURVIVED = {"passed": "passed", "failed": "failed an assertion", "kit": "stopped by the test kit",
            "test": "crashed in the test", "waited": "waited in vain"}
DID_NOT_STRIKE = 77


def gist(said):
    """The beginning of a report, or else the end."""
    starts = [start for start in (said.find("ERROR: "), said.find("runtime error: ")) if start >= 0]
    return said[max(0, min(starts) - 100):][:400] if starts else said[-400:]


class Judge:
    """What came of the points of one program."""

    def __init__(self, program, counts):
        self.program = program
        self.counts = counts
        self.outcomes = collections.Counter()
        self.finds = []

    def take(self, words):
        number, cls, k, mode, outcome, status, *addresses, said = words
        frames = frames_of(self.program.command[0], addresses)
        if outcome == "crash" and "null pointer" in said:
            outcome = "null"  # as a sanitizer says it
        if frames and frames[0][0] == "torc__sim_fatal":
            outcome = "kit"
        elif outcome in ("crash", "null", "hang") and is_of_the_test(frames, outcome):
            outcome = "waited" if outcome == "hang" else "test"
        elif outcome == "status" and "check_pack.c" in said:
            outcome = "failed"  # with a message that libcheck cannot take
        self.outcomes[outcome] += 1
        if outcome in SURVIVED or outcome == "unstruck":
            return
        name = f"{self.program.name}/{self.counts[int(number)].name}:{cls}:{k}:{mode}"
        what = FINDS.get(outcome) or f"ended with status {status}"
        if outcome == "crash":
            what = signal.strsignal(int(status))
        self.finds.append((name, what, frames, said))

    def told(self):
        early = [f"{self.outcomes[outcome]} {name}" for outcome, name in SURVIVED.items()
                 if self.outcomes[outcome] and outcome != "passed"]
        return (f"{self.outcomes.total()} runs of {len(self.counts)} tests, {len(self.finds)} finds: "
                f"{self.outcomes['passed']} passed"
                + (f"; as a test may then, {', '.join(early)}" if early else "")
                + (f"; {unstruck} whose fault did not strike" if (unstruck := self.outcomes["unstruck"]) else ""))

    def show(self, seconds):
        lines = [f"torture: {self.program.name}: {self.told()}; {seconds:.1f} s"]
        for name, what, frames, said in self.finds[:SHOWN]:
            lines.append(f"torture: FAILED {name}: {what}")
            lines += [f"    {function} {path}:{line}" for function, path, line in frames[:8]]
            lines += [f"    said: {gist(said)}"] if said else []
            lines.append(f"    to repeat it: ./dev torture --test {name}")
        if len(self.finds) > SHOWN:
            lines.append(f"    and {len(self.finds) - SHOWN} more")
        print("\n".join(lines), flush=True)


def torture(name, path, options, wanted, jobs):
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torc-torture-") as folder:
        program = Program(name, path, arguments_of(options.build, name), jobs, folder)
        counts = program.count()
        tests = {at: count for at, count in counts.items() if wanted[0] in ("", count.name)}
        if not tests and wanted[0]:
            raise Refused(f"{name}: there is no test {wanted[0]} that can be tried")
        chance = random.Random(f"{options.seed}/{name}")
        points = sampled([points_of(at, count, wanted, chance) for at, count in tests.items()],
                         options.points, chance)
        judge = Judge(program, counts)
        longest = max((tests[point.test].seconds for point in points), default=0)
        limit = os.environ.get("TORC_TORTURE_LIMIT") or 5 + 10 * math.ceil(longest)
        results = program.try_points(sorted(points), limit) if points else []
        for words in results:
            judge.take(words)
        if len(results) < len(points):
            judge.finds.append((name, f"{len(points) - len(results)} runs were not made", [], ""))
    judge.show(time.monotonic() - began)
    return judge


# ---- the program

def arguments():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--ledger", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--targets", action="store_true")
    parser.add_argument("build", type=Path)
    parser.add_argument("what", nargs="*")
    return parser.parse_intermixed_args()


def chosen(options):
    """(name, path, wanted) of each program that is meant."""
    there = programs(options.build)
    for what in options.what:
        name, wanted = ("", ("", "", 0, "")) if what == "all" else read_what(what)
        if name and name not in there:
            raise Refused(f"there is no program {name}; --test --list shows them")
        for one, path in there.items():
            if one == name or not name and one != PLANTED:
                yield one, path, wanted


def write_ledger(options, survived, runs, failed, seconds):
    if not options.ledger:
        return
    line = {"tool": "tests", "when": int(time.time()), "survived": survived, "runs": runs, "failed": failed,
            "seconds": round(seconds, 1), "seed": options.seed, "points": options.points,
            "sanitizer": os.environ.get("TORC_SANITIZER", "")}
    with options.ledger.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, separators=(",", ":")) + "\n")


def main():
    options = arguments()
    if options.list:
        print("\n".join(name for name in programs(options.build) if name != PLANTED))
        return 0
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        work = list(chosen(options))
        if options.targets:
            print(",".join(f"tests/torture/{path.name}" for _, path, _ in work))
            return 0
        for name, path, _ in work:
            if not path.exists():
                raise Refused(f"{name} is not built")
        began = time.monotonic()
        beside = min(len(work), 2)
        with ThreadPoolExecutor(max(beside, 1)) as pool:
            judges = list(pool.map(lambda one: torture(one[0], one[1], options, one[2],
                                                       max(1, options.jobs // beside)), work))
    except Interrupted:
        return 130
    except Refused as refusal:
        print(f"torture: {refusal}", file=sys.stderr)
        return 2
    outcomes = sum((judge.outcomes for judge in judges), collections.Counter())
    survived = sum(count for outcome, count in outcomes.items() if outcome in SURVIVED)
    failed = sum(len(judge.finds) for judge in judges)
    seconds = time.monotonic() - began
    print(f"torture: tests: {survived} faults survived, {failed} not, in {len(work)} programs; "
          f"{outcomes['unstruck']} did not strike; {seconds:.1f} s, seed {options.seed}"
          + (f", at most {options.points} of each program" if options.points else ""))
    # A figure is of all programs; a part of them only tells when something was found that nobody planted.
    if "all" in options.what or failed and any(name != PLANTED for name, _, _ in work):
        write_ledger(options, survived, outcomes.total(), failed, seconds)
    if failed:
        print(f"torture: FAILED {failed} times")
        return 1
    if outcomes.total() == outcomes["unstruck"] and any(wanted[1] for _, _, wanted in work):
        print("torture: the fault did not strike: there is no such call any more")
        return DID_NOT_STRIKE
    return 0


if __name__ == "__main__":
    sys.exit(main())
