"""The checkpoints of trials under way: how often they are worth it, where they lie, which one to trust."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from objectives.files import checkpoints as stored
from objectives.messages import Checkpoint
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from spaces.errors import RecordError

_most_of_training = 0.05
"""Checkpoints may cost this fraction of the time that is spent training."""
_kept = 2
"""So many of a trial: the last, and the one before it in case the last is damaged."""


class Checkpoints:
    """Writes and reads `trials/NNNN/checkpoint/`. What it can't write or read costs epochs, never the search."""

    def __init__(self, folder: RunFolder, progress: Progress) -> None:
        """Keep them in the run's folder; a person is told what could not be written or read."""
        self._folder = folder
        self._progress = progress
        self._seconds: dict[int, float] = {}
        self._last_seconds = 0.0
        self._told_of_disk = False

    def is_due(self, trial: int, *, seconds_at_stake: float, running: int) -> bool:
        """Whether a checkpoint is worth its cost.

        Args:
            trial: its number.
            seconds_at_stake: spent training it since its last checkpoint.
            running: trials under way; the driver writes for all of them.
        """
        cost = self._seconds.get(trial, self._last_seconds)
        return cost * running <= seconds_at_stake * _most_of_training

    def keep(self, trial: int, checkpoint: Checkpoint) -> None:
        """Write a trial's checkpoint, and forget all but the one before it."""
        began = time.perf_counter()
        place = self._place(trial)
        try:
            place.mkdir(parents=True, exist_ok=True)
            stored.save(checkpoint, place / f"{checkpoint.epoch:04}.npz")
            for old in self._paths(trial)[_kept:]:
                _remove(old)
        except OSError as error:
            if not self._told_of_disk:
                self._progress.note(f"checkpoints can't be written ({error.strerror}); the search goes on without")
            self._told_of_disk = True
        self._last_seconds = self._seconds[trial] = checkpoint.seconds + time.perf_counter() - began

    def last(self, trial: int) -> Checkpoint | None:
        """Return a trial's last checkpoint that is whole; None: there is none. Damaged ones are removed."""
        for path in self._paths(trial):
            try:
                return stored.load(path)
            except RecordError:
                _remove(path)
                self._progress.note(
                    f"trial {trial}: the checkpoint of epoch {int(path.stem)} is damaged; it is not used"
                )
        return None

    def forget(self, trial: int) -> None:
        """Remove those of a trial that needs none any more."""
        self._seconds.pop(trial, None)
        shutil.rmtree(self._place(trial), ignore_errors=True)

    def _place(self, trial: int) -> Path:
        return self._folder.trial(trial) / "checkpoint"

    def _paths(self, trial: int) -> list[Path]:
        """Return a trial's checkpoints, the last first."""
        return sorted(self._place(trial).glob("[0-9]*.npz"), reverse=True)


def _remove(path: Path) -> None:
    path.unlink()
    stored.digest_of(path).unlink(missing_ok=True)
