"""Checkpoints of running trials: when one is due, where they are stored, which one is used."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from objectives.files import checkpoints as stored
from objectives.messages import Checkpoint
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from spaces.errors import RecordError

_largest_fraction = 0.05
"""Checkpoints may take at most this fraction of the time spent training."""
_kept = 2
"""Checkpoints kept of a trial: the last, and the one before it in case the last is damaged."""


class Checkpoints:
    """Writes and reads `trials/NNNN/checkpoint/`; a failure to do so costs epochs, never the search."""

    def __init__(self, folder: RunFolder, progress: Progress) -> None:
        """Store them in the run's folder; `progress` reports what could not be written or read."""
        self._folder = folder
        self._progress = progress
        self._seconds: dict[int, float] = {}
        self._last_seconds = 0.0
        self._noted_failure = False

    def is_due(self, trial: int, *, unsaved_seconds: float, running: int) -> bool:
        """Whether a checkpoint costs little enough beside what it protects.

        Args:
            trial: its number.
            unsaved_seconds: spent training it since its last checkpoint.
            running: number of running trials; the driver writes for all of them.
        """
        # A network's first checkpoint is taken to cost what the last one of any other did.
        cost = self._seconds.get(trial, self._last_seconds)
        return cost * running <= unsaved_seconds * _largest_fraction

    def keep(self, trial: int, checkpoint: Checkpoint) -> None:
        """Write a trial's checkpoint, and remove all but the one before it."""
        began = time.perf_counter()
        folder = self._folder_of(trial)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stored.save(checkpoint, folder / f"{checkpoint.epoch:04}.npz")
            for old in self._paths(trial)[_kept:]:
                _remove(old)
        except OSError as error:
            if not self._noted_failure:
                self._progress.note(f"cannot write checkpoints ({error.strerror}); the search continues without them")
            self._noted_failure = True
        self._last_seconds = self._seconds[trial] = checkpoint.seconds + time.perf_counter() - began

    def last(self, trial: int) -> Checkpoint | None:
        """Return a trial's last intact checkpoint, if any; damaged ones are removed."""
        for path in self._paths(trial):
            try:
                return stored.load(path)
            except RecordError:
                _remove(path)
                self._progress.note(
                    f"trial {trial}: the checkpoint of epoch {int(path.stem)} is damaged and was removed"
                )
        return None

    def forget(self, trial: int) -> None:
        """Remove the checkpoints of a trial that needs them no more."""
        self._seconds.pop(trial, None)
        shutil.rmtree(self._folder_of(trial), ignore_errors=True)

    def _folder_of(self, trial: int) -> Path:
        return self._folder.trial(trial) / "checkpoint"

    def _paths(self, trial: int) -> list[Path]:
        """Return a trial's checkpoint files, newest first."""
        return sorted(self._folder_of(trial).glob("[0-9]*.npz"), reverse=True)


def _remove(path: Path) -> None:
    path.unlink()
    stored.digest_file(path).unlink(missing_ok=True)
