"""Real searches in pairs: whether what a sampler chooses betters the starts that every search begins with.

    python -m benchmarks.searches run [--data digits] [--seeds 0 1 2] [--samplers tpe nearby] [--file searches.csv]
    python -m benchmarks.searches show [--data digits] [--file searches.csv ...]

The searches of a seed have the same images, starts and pruner, and differ in their sampler alone. Of each, the best
trial that the sampler chose and the best start or baseline are trained again with three other seeds, and measured on
the validation images and, only here, on the test images. Beside them stands what luck alone finds: the best start,
trained with as many other seeds as the sampler had trials. `run` leaves out what the file holds, one search or
training after another on one core; it may be killed and run again. Files of several processes may be shown together.
The intervals are 95 % bootstrap intervals of means over seeds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.searches.plan import IMAGES, Plan
from benchmarks.searches.running import run
from benchmarks.searches.showing import show
from benchmarks.searches.table import parsed
from search.algorithms.samplers import SAMPLERS


def main() -> None:
    """Search, or show what was found."""
    given = _arguments()
    if given.command == "show":
        rows = [row for path in given.file for row in parsed(path.read_text())]
        show([row for row in rows if (row.space, row.data) == (given.space, given.data)])
        return
    plan = Plan(
        space=given.space,
        data=given.data,
        samplers=tuple(given.samplers),
        trials=given.trials,
        epochs=given.epochs,
    )
    run(plan, given.seeds, given.file[0])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.searches", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("run", "show"))
    parser.add_argument("--data", choices=tuple(IMAGES), default="digits")
    parser.add_argument("--space", default="cnn_cifar")
    parser.add_argument("--seeds", nargs="+", type=int, default=[*range(10)])
    parser.add_argument("--samplers", nargs="+", choices=tuple(SAMPLERS), default=["tpe", "nearby"])
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--file", nargs="+", type=Path, default=[Path("searches.csv")], help="outside the repository")
    return parser.parse_args()


if __name__ == "__main__":
    main()
