"""Plays situations that users reported, each in a folder and a shell of its own, and judges what happens.

    python -m tests.cases --all              every case: PASS, or FAIL and what was seen; about six minutes
    python -m tests.cases --quick            those that take seconds
    python -m tests.cases 7-class-order-not-told parts-share-images
    python -m tests.cases --list

The exit code is 1 if one fails. `--code DIR` plays them with another checkout of this repository.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.cases.programs.all import CASES
from tests.cases.shell import REPOSITORY, Case, Shell


def main() -> int:
    """Play the cases that were named, print a line for each, and return the exit code."""
    arguments = _arguments()
    if arguments.list:
        width = max(len(case.name) for case in CASES)
        print("\n".join(f"{case.name:<{width}}  {case.summary}" for case in CASES))
        return 0
    cases = [
        case for case in CASES if arguments.all or (arguments.quick and not case.trains) or case.name in arguments.names
    ]
    began = time.monotonic()
    failed = sum(not _passes(case, arguments.code.resolve()) for case in cases)
    print(f"{len(cases) - failed} passed, {failed} failed in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _passes(case: Case, code: Path) -> bool:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tamiz-case-", ignore_cleanup_errors=True) as folder:
        try:
            case.play(Shell(folder=Path(folder), code=code))
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            print(f"FAIL {case.name}: {kind}{error}", flush=True)
            return False
    print(f"PASS {case.name} ({time.monotonic() - began:.0f} s)", flush=True)
    return True


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cases", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="play these cases")
    parser.add_argument("--all", action="store_true", help="play all cases")
    parser.add_argument("--quick", action="store_true", help="play those that take seconds")
    parser.add_argument("--list", action="store_true", help="print the names of all cases, and what each is")
    parser.add_argument("--code", type=Path, default=REPOSITORY, metavar="DIR", help="default: this checkout")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {case.name for case in CASES}:
        parser.error(f"unknown case {sorted(unknown)[0]!r}; --list prints the names")
    if not (arguments.names or arguments.all or arguments.quick or arguments.list):
        parser.error("expected --all, --quick, --list or names of cases")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
