"""The report of tests/coverage/run: what is not reached, a table by part of the core, the percentage.

    report.py ROOT LCOV JSON LEAST

LCOV has the lines and JSON the regions (places where control may go another way), both as llvm-cov exports them. Fails when less than LEAST
per cent of the lines are reached. What stands in a test is not counted: files of tests, and items behind #[cfg(test)].
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

TEST_FILE = re.compile(r"/tests(/|\.rs$)")
TEST_ITEM = re.compile(r"\s*#\[cfg\((test|all\(test\b.*)\)\]")


def lines_of_tests(path):
    """The numbers of the lines that belong to items behind #[cfg(test)]. Relies on rustfmt: an item ends where its indentation comes back,
    one that has a block with the end of that: lines of a text in it may begin anywhere."""
    lines = path.read_text().splitlines()
    found = set()
    at = 0
    while at < len(lines):
        if not TEST_ITEM.match(lines[at]):
            at += 1
            continue
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        first = at
        while re.match(r"\s*(#|//)", lines[at]):
            at += 1
        end = r"\}" if lines[at].endswith("{") else r"(\}|[^\s}#/].*[;}]$)"
        while not re.match(re.escape(indent) + end, lines[at]):
            at += 1
        found.update(range(first + 1, at + 2))
        at += 1
    return found


def main():
    root, lcov, exported, least = Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
    source = root / "core" / "src"
    tests = {}

    def counted(file, line):
        if TEST_FILE.search(file):
            return False
        if file not in tests:
            tests[file] = lines_of_tests(Path(file))
        return line not in tests[file]

    def part(file):
        return Path(file).relative_to(source).parts[0]

    # By part: lines, of them reached, regions, of them reached.
    table = defaultdict(lambda: [0, 0, 0, 0])
    missed = defaultdict(list)
    file = ""
    for record in Path(lcov).read_text().splitlines():
        kind, _, value = record.partition(":")
        if kind == "SF":
            file = value
        elif kind == "DA":
            line, count = (int(number) for number in value.split(",")[:2])
            if counted(file, line):
                row = table[part(file)]
                row[0] += 1
                if count > 0:
                    row[1] += 1
                else:
                    missed[file].append(line)
    for entry in json.loads(Path(exported).read_text())["data"][0]["files"]:
        for line, _, count, has_count, is_entry, is_gap in entry["segments"]:
            if has_count and is_entry and not is_gap and counted(entry["filename"], line):
                row = table[part(entry["filename"])]
                row[2] += 1
                row[3] += count > 0

    for file, lines in sorted(missed.items()):
        text = Path(file).read_text().splitlines()
        if lines[-1] > len(text):
            sys.exit(f"{file} has changed since it was built")
        for line in lines:
            print(f"{Path(file).relative_to(root)}:{line}: {text[line - 1].strip()}")
    print()
    print(f"{'':<14} {'lines':>6} {'missed':>6} {'':>7}   {'regions':>7} {'missed':>6} {'':>7}")
    total = [0, 0, 0, 0]
    for name, row in sorted(table.items()):
        tell(name, row)
        total = [sum(pair) for pair in zip(total, row)]
    tell("core", total)
    reached = share(total[1], total[0])
    print(f"core: {total[1]} of {total[0]} lines reached, {reached:.2f} %")
    if reached < least:
        sys.exit(f"less than {least:g} %")


def tell(name, row):
    lines, reached, regions, entered = row
    print(
        f"{name:<14} {lines:>6} {lines - reached:>6} {share(reached, lines):>6.1f}%"
        f"   {regions:>7} {regions - entered:>6} {share(entered, regions):>6.1f}%"
    )


def share(some, of):
    return 100 * some / of if of else 100.0


main()
