"""Tamiz and what people use instead, on one task: the same images, networks, epochs and seeds.

    make bench-peers
    python -m benchmarks.peers [--seeds 5] [--seconds 180] [--tools tamiz optuna_2 ...] [--keep runs.jsonl]

"listed": every tool trains the same 24 configurations for 6 epochs without pruning; what differs is orchestration.
"own": every tool searches as it does, for so many seconds; what differs is how soon it is how good. Tools take turns,
seed by seed, each in processes of its own. With --keep, runs that a file holds are not repeated, and the tables are of
those too: hours need not come in one piece (--seconds must be the same). Needs two free cores, and the environment that
`make bench-peers` sets up from `benchmarks/peers/requirements.txt`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.peers.running import Ran, Tool, add_run, read_runs, run
from benchmarks.peers.tables import listed_table, own_table
from benchmarks.peers.task import IMAGES, MODES
from objectives.data.directories import DataDirectories
from objectives.data.loading import load
from objectives.data.splitting import split

TOOLS = (
    Tool(name="tamiz", script="tamiz_script"),
    Tool(name="optuna_1", script="optuna_script", arguments=("--processes", "1"), slots=1),
    Tool(name="optuna_2", script="optuna_script", arguments=("--processes", "2")),
    Tool(name="keras_tuner_random", script="keras_tuner_script", arguments=("--tuner", "random"), slots=1),
    Tool(
        name="keras_tuner_hyperband",
        script="keras_tuner_script",
        arguments=("--tuner", "hyperband"),
        slots=1,
        is_for_listed=False,
    ),
    Tool(name="ray_tune", script="ray_tune_script", arguments=("--reuse", "0")),
    Tool(name="ray_tune_reuse", script="ray_tune_script", arguments=("--reuse", "1")),
)


def main() -> None:
    """Measure, and print a table a mode and one JSON object."""
    given = _arguments()
    tools = [tool for tool in TOOLS if tool.name in given.tools]
    runs = read_runs(given.keep) if given.keep and given.keep.exists() else []
    there = {(ran.mode, ran.tool, ran.seed) for ran in runs}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(given.seeds):
            data = Path(folder, f"data-{seed}.npz")
            _store_data(data, seed)
            for mode in given.modes:
                for tool in tools:
                    if (mode, tool.name, seed) in there or (mode == "listed" and not tool.is_for_listed):
                        continue
                    seconds = given.seconds if mode == "own" else None
                    log = Path(folder, f"{tool.name}-{mode}-{seed}.jsonl")
                    runs.append(run(tool, mode=mode, seed=seed, seconds=seconds, data=data, log=log))
                    _tell(runs[-1])
                    if given.keep:
                        add_run(given.keep, runs[-1])
    for mode in given.modes:
        own = [one for one in runs if one.mode == mode and one.seed < given.seeds and one.tool in given.tools]
        print("\n".join(["", *(listed_table(own) if mode == "listed" else own_table(own, given.seconds))]))
    print(json.dumps([asdict(one) for one in runs]))


def _store_data(path: Path, seed: int) -> None:
    """Write the images that Tamiz trains and validates on, for the other tools."""
    dataset = load("fashion_mnist", directories=DataDirectories.from_environment())
    rows = split(dataset, seed=seed, train_images=IMAGES)
    np.savez(
        path,
        train_images=dataset.images[rows.train],
        train_labels=dataset.labels[rows.train],
        validation_images=dataset.images[rows.validation],
        validation_labels=dataset.labels[rows.validation],
    )


def _tell(ran: Ran) -> None:
    print(
        f"seed {ran.seed} {ran.mode:6} {ran.tool:22} {ran.search_seconds:7.1f} s, {ran.trials} trials, "
        f"{len(ran.epochs)} epochs, best {ran.best:.4f}",
        file=sys.stderr,
        flush=True,
    )


def _arguments() -> argparse.Namespace:
    names = [tool.name for tool in TOOLS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=180.0, help="of each search of a tool's own")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--tools", nargs="+", choices=names, default=names)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="JSON lines, a run each, read first and added to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
