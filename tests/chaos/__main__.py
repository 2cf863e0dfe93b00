"""Kills workers, drivers, Ray and databases at random during real searches, and checks that nothing is lost.

    python -m tests.chaos --schedules 100 --seed 0 [--workers 1] [--storage sqlite|postgresql|both]
    python -m tests.chaos --seed 0 --only 17                    one schedule again

Each schedule is a study of digits that is begun, struck by one to three faults at moments drawn from the seed and the
schedule's number, and continued until it is done. The exit code is 1 where anything promised was not kept.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys

from tests.chaos.campaign import play_all
from tests.chaos.course import Size
from tests.chaos.schedules import Choices, draw
from tests.chaos.table import Outcome, as_object, table

STORAGES = {"sqlite": ("sqlite",), "postgresql": ("postgresql",), "both": ("sqlite", "postgresql")}


def main() -> int:
    """Play the schedules, print a table and one JSON object, and return the exit code."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # leaves nothing running either
    choices = Choices(
        workers=(1, 2) if arguments.workers is None else (arguments.workers,), storages=STORAGES[arguments.storage]
    )
    numbers = range(arguments.schedules) if arguments.only is None else [arguments.only]
    schedules = [draw(seed=arguments.seed, number=number, choices=choices) for number in numbers]
    outcomes: list[Outcome] = []
    try:
        for outcome in play_all(
            schedules,
            size=Size(trials=arguments.trials, epochs=arguments.epochs),
            say=lambda line: print(line, flush=True),
        ):
            outcomes.append(outcome)
    finally:  # also when somebody stops it early
        print(f"\n{table(outcomes)}\n\n{json.dumps(as_object(outcomes, seed=arguments.seed))}", flush=True)
    return 1 if any(outcome.violations for outcome in outcomes) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--schedules", type=int, default=100, metavar="N", help="how many; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="what they are drawn from")
    parser.add_argument("--only", type=int, metavar="N", help="this schedule alone")
    parser.add_argument("--workers", type=int, choices=(1, 2), help="default: drawn for each schedule")
    parser.add_argument("--storage", choices=STORAGES, default="both", help="default: drawn for each schedule")
    parser.add_argument("--trials", type=int, default=6, metavar="N", help="of each study; default: %(default)s")
    parser.add_argument("--epochs", type=int, default=4, metavar="N", help="of each trial; default: %(default)s")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
