"""Checkpoints of trainings: when one is due, where they are stored, which one is used."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from objectives.files import checkpoints as stored
from objectives.messages import Checkpoint
from search.progress.protocol import Progress
from spaces.errors import RecordError

_largest_fraction = 0.05
"""Checkpoints may take at most this fraction of the time spent training."""
_kept = 2
"""Checkpoints kept of a training: the last, and the one before it in case the last is damaged."""


class Checkpoints:
    """Writes and reads `checkpoint/` in the folder of a training; a failure to do so costs epochs, never the search.

    A training is named by its `place`: its folder relative to the run folder, such as trials/0007.
    """

    def __init__(self, run_folder: Path, progress: Progress) -> None:
        """Store them in a run folder; `progress` reports what could not be written or read."""
        self._run_folder = run_folder
        self._progress = progress
        self._seconds: dict[str, float] = {}
        self._last_seconds = 0.0
        self._noted_failure = False

    def is_due(self, place: str, *, unsaved_seconds: float, running: int) -> bool:
        """Whether a checkpoint costs little enough beside what it protects.

        Args:
            place: of the training.
            unsaved_seconds: spent training it since its last checkpoint.
            running: number of running trainings; the driver writes for all of them.
        """
        # A network's first checkpoint is taken to cost what the last one of any other did.
        cost = self._seconds.get(place, self._last_seconds)
        return cost * running <= unsaved_seconds * _largest_fraction

    def keep(self, place: str, checkpoint: Checkpoint) -> None:
        """Write a training's checkpoint, and remove all but the one before it."""
        began = time.perf_counter()
        folder = self._folder_of(place)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stored.save(checkpoint, folder / f"{checkpoint.epoch:04}.npz")
            for old in self._paths(place)[_kept:]:
                _remove(old)
        except OSError as error:
            if not self._noted_failure:
                self._progress.note(f"cannot write checkpoints ({error.strerror}); the search continues without them")
            self._noted_failure = True
        self._last_seconds = self._seconds[place] = checkpoint.seconds + time.perf_counter() - began

    def last(self, place: str, *, title: str) -> Checkpoint | None:
        """Return a training's last intact checkpoint, if any; damaged ones are removed."""
        for path in self._paths(place):
            try:
                return stored.load(path)
            except RecordError:
                _remove(path)
                self._progress.note(f"{title}: the checkpoint of epoch {int(path.stem)} is damaged and was removed")
        return None

    def forget(self, place: str) -> None:
        """Remove the checkpoints of a training that needs them no more."""
        self._seconds.pop(place, None)
        shutil.rmtree(self._folder_of(place), ignore_errors=True)

    def _folder_of(self, place: str) -> Path:
        return self._run_folder / place / "checkpoint"

    def _paths(self, place: str) -> list[Path]:
        """Return a training's checkpoint files, newest first."""
        return sorted(self._folder_of(place).glob("[0-9]*.npz"), reverse=True)


def _remove(path: Path) -> None:
    path.unlink()
    stored.digest_file(path).unlink(missing_ok=True)
