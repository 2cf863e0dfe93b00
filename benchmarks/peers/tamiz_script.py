"""Tamiz itself, told what a person would type."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks.peers.task import EPOCHS, IMAGES, LISTED, Log, arguments


def main() -> None:
    """Search, or train what is listed."""
    given = arguments(workers=2)
    os.environ["TAMIZ_PEERS_SEED"] = str(given.seed)
    from objectives.messages import EpochReport
    from search.cli.options import resolve_options
    from search.driver.run import run_search
    from search.progress.plain import PlainProgress
    from search.run_options import RunOptions
    from search.settings import command_for

    log = Log(given.log)

    class Logging(PlainProgress):
        def epoch_reported(self, trial: int, report: EpochReport, *, worker: int) -> None:
            log.epoch(str(trial), report.epoch, report.score, report.seconds)
            super().epoch_reported(trial, report, worker=worker)

    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        is_listed = given.mode == "listed"
        resolved = resolve_options(
            RunOptions(
                space=str(Path(__file__).with_name("space.py")),
                data="fashion_mnist",
                train_images=IMAGES,
                epochs=EPOCHS,
                trials=LISTED if is_listed else 100_000,
                workers=given.workers,
                runs=folder,
                seed=given.seed,
                **(RunOptions(pruner="none") if is_listed else RunOptions(enqueue="none")),
            )
        )
        run_search(
            resolved.settings,
            space=resolved.space,
            progress=Logging(nowhere),
            command=command_for(resolved.settings),
        )


if __name__ == "__main__":
    main()
