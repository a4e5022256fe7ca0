#!/usr/bin/env python3
"""Prints what Torc promises, and the tests that hold each promise.

    contract.py [--root FOLDER] [GROUP | NUMBER...]

The statements are those of docs/contract.md and docs/classic-bugs.md, the tests those under tests/.
A test holds a statement by naming its number, in a comment (or a string) inside it or between it and
the test before it. What a file says before its first #include is about the file and holds nothing,
nor do headers. Scripts hold as a whole.

Status 1, with the problems on standard error: a statement that no test holds and that is not marked
as one that needs none; one that is marked so and yet held; a number that is not on the page, is
there twice, or is named where no test follows. Status 2: there is no such GROUP or NUMBER.
"""

import argparse
import re
import sys
import textwrap
from pathlib import Path

PAGES = ["docs/contract.md", "docs/classic-bugs.md"]
NUMBER = re.compile(r"\b([A-Z]+-\d+)\b")
STATEMENT = re.compile(r"^- \*\*([A-Z]+-\d+)\*\* (.*)")
NEEDS_NO_TEST = re.compile(r"\*(Not in C|Not in Torc|Later)\*")
TEST = re.compile(r"^START_TEST\((\w+)\)")
SOURCES = {".c", ".h", ".cpp"}
SCRIPTS = {".sh", ".py"}


def group_of(number):
    return number.split("-")[0]


def read_pages(root, problems):
    """number -> sentence, in the order of the pages. A project need not have both of them."""
    statements = {}
    number = None
    pages = [root / page for page in PAGES if (root / page).exists()]
    for line in (line for page in pages for line in page.read_text(encoding="utf-8").splitlines()):
        if match := STATEMENT.match(line):
            number, text = match.groups()
            if number in statements:
                problems.append(f"{number} is on the page twice")
            statements[number] = text
        elif number and line.startswith("  "):
            statements[number] += " " + line.strip()
        else:
            number = None
    return statements


def numbers_of_source(lines, holds):
    """Yields (number, line, test): test is None where no test follows, "" where nothing is held."""
    included = False
    test = None
    waiting = []
    for at, line in enumerate(lines, 1):
        included = included or (holds and line.startswith("#include"))
        if match := TEST.match(line):
            test = match.group(1)
            yield from ((number, where, test) for number, where in waiting)
            waiting = []
        for number in NUMBER.findall(line):
            if test:
                yield number, at, test
            elif included:
                waiting.append((number, at))
            else:
                yield number, at, ""
        if line.startswith("END_TEST"):
            test = None
    yield from ((number, where, None) for number, where in waiting)


def read_tests(folder, groups, problems):
    """Yields (number, place) for each number that a test names."""
    for path in sorted(folder.rglob("*")):
        if path.suffix not in SOURCES | SCRIPTS:
            continue
        name = path.relative_to(folder).as_posix()
        lines = path.read_text(encoding="utf-8").splitlines()
        if path.suffix in SCRIPTS:
            found = ((number, at, name) for at, line in enumerate(lines, 1)
                     for number in NUMBER.findall(line))
        else:
            found = ((number, at, test and f"{name}:{test}")
                     for number, at, test in numbers_of_source(lines, path.suffix != ".h"))
        for number, at, place in found:
            if group_of(number) not in groups:
                continue
            if place is None:
                problems.append(f"{name}:{at}: no test follows {number}")
            yield number, f"{name}:{at}", place


def hold(statements, folder, problems):
    """number -> the tests that name it."""
    groups = {group_of(number) for number in statements}
    held = {number: [] for number in statements}
    for number, where, place in read_tests(folder, groups, problems):
        if number not in statements:
            problems.append(f"{where}: {number} is not on the page")
        elif place and place not in held[number]:
            held[number].append(place)
    for number, places in held.items():
        exempt = NEEDS_NO_TEST.search(statements[number])
        if not places and not exempt:
            problems.append(f"{number} is held by no test")
        elif places and exempt:
            problems.append(f"{number} is marked {exempt.group(1)!r}, but {places[0]} holds it")
    return held


def show(number, sentence, places):
    print(textwrap.fill(sentence.replace("*", ""), 100, initial_indent=f"{number:<10}",
                        subsequent_indent=" " * 10))
    for place in places:
        print(" " * 12 + place)


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("which", nargs="*")
    parser.error = lambda message: parser.exit(2, f"contract: {message}; ./dev contract --help\n")
    arguments = parser.parse_args()

    problems = []
    statements = read_pages(arguments.root, problems)
    which = {word.upper() for word in arguments.which}
    groups = dict.fromkeys(map(group_of, statements))
    if unknown := sorted(which - statements.keys() - groups.keys()):
        parser.error(f"there is no {' or '.join(unknown)}, and the groups are {' '.join(groups)}")
    held = hold(statements, arguments.root / "tests", problems)
    shown = [number for number in statements
             if not which or {number, group_of(number)} & which]
    for number in shown:
        show(number, statements[number], held[number])
    if not shown:
        problems.append("the pages have no statements")

    with_tests = sum(bool(held[number]) for number in shown)
    print(f"\n{len(shown)} statements, {with_tests} of them held by tests")
    for problem in problems:
        print(f"contract: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
