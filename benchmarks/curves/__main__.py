"""Learning curves of our own spaces, on which stopping rules are judged.

    python -m benchmarks.curves train [--data digits ...] [--limit N] [--hours H] [--scratch FILE]
    python -m benchmarks.curves collect [--scratch FILE]
    python -m benchmarks.curves show [--scratch FILE]
    python -m benchmarks.curves replay [--scratch FILE] [--seeds 100] [--rules ...]; see its --help
    python -m benchmarks.curves gains [--scratch FILE] [--seeds 200] [--pruners ...]; see its --help

`train` trains what the table beside this file and the scratch file lack, one training after another on one core, each
recorded as it ends; it may be killed and run again. `collect` adds the scratch file to the table. `show` prints what
there is, and how well the score after each epoch orders trainings as the last one does. Images come from where
`python -m search data` looks: `TAMIZ_DATA` names the folder of `cifar10/` and `simpsons5/`. The columns:
`benchmarks/curves/table.py`; the list of trainings: `benchmarks/curves/plan.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.curves import gains, replay, running, showing, table
from benchmarks.curves.plan import DATA
from objectives.data.directories import DataDirectories
from spaces.errors import TamizError


def main() -> None:
    """Train, collect, show, or judge what the table can judge."""
    if sys.argv[1:2] == ["replay"]:
        replay.main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["gains"]:
        gains.main(sys.argv[2:])
        return
    given = _arguments()
    scratch = given.scratch or DataDirectories.from_environment().cache / "curves.csv"
    try:
        if given.command == "train":
            seconds = None if given.hours is None else given.hours * 3600
            running.train(scratch, stored=given.table, data=given.data, limit=given.limit, seconds=seconds)
        elif given.command == "collect":
            print(f"{len(table.collect(scratch, given.table))} trainings in {given.table}")
        else:
            showing.show(table.read(scratch) | table.read(given.table))
    except TamizError as error:
        sys.exit(f"error: {error}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.curves", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("train", "collect", "show"))
    parser.add_argument("--data", nargs="+", choices=tuple(DATA), default=tuple(DATA))
    parser.add_argument("--limit", type=int, help="train at most so many")
    parser.add_argument("--hours", type=float, help="begin no training after so many hours")
    parser.add_argument("--scratch", type=Path, help="a .csv file outside the repository; default: in the cache folder")
    parser.add_argument("--table", type=Path, default=table.TABLE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
