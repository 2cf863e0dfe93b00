"""What becomes of the winner of a search: how much its score flatters, and what betters it before it is handed over.

    python -m benchmarks.winners run [--data digits] [--seeds 0 1 2] [--folder winners] [--searches searches.csv ...]
    python -m benchmarks.winners run --optimism --trials 12 --epochs 4 [--seeds 0 1 2]
    python -m benchmarks.winners show [--data digits] [--folder winners]

For each seed there is one search, or the first trials of one that `benchmarks.searches` kept, and then trainings whose
predictions of validation and test images are stored: those of the five best recipes again as in the search, of the
three best with two fresh seeds each, and refits on training and validation images together, which keep their last
epoch. `show` computes everything else from these, so that another kind of ensemble needs no training. With
`--optimism` only the winner and the fresh seeds are trained. `run` leaves out what the folder holds; it may be
killed and run again, and several processes may share a folder if their seeds differ. The intervals are 95 % bootstrap
intervals of means over seeds, each of which has other training and validation images, but the same test images.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.searches.plan import IMAGES
from benchmarks.winners.plan import Plan
from benchmarks.winners.running import run
from benchmarks.winners.showing import show


def main() -> None:
    """Search and train, or show what was found."""
    given = _arguments()
    plan = Plan(
        space=given.space,
        data=given.data,
        trials=given.trials,
        epochs=given.epochs,
        is_only_optimism=given.optimism,
        folder=given.folder,
    )
    if given.command == "show":
        show(plan)
    else:
        run(plan, given.seeds, given.searches)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.winners", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("run", "show"))
    parser.add_argument("--data", choices=tuple(IMAGES), default="digits")
    parser.add_argument("--space", default="cnn_cifar")
    parser.add_argument("--seeds", nargs="+", type=int, default=[*range(10)])
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--optimism", action="store_true", help="train only what the optimism of scores needs")
    parser.add_argument("--folder", type=Path, default=Path("winners"), help="outside the repository")
    parser.add_argument("--searches", nargs="+", type=Path, default=[], help="tables of benchmarks.searches to reuse")
    return parser.parse_args()


if __name__ == "__main__":
    main()
