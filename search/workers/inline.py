"""One worker in the driver's own process: for debuggers, notebooks and machines without Ray."""

from __future__ import annotations

import contextlib
import functools
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from objectives.devices import prepare
from objectives.messages import (
    Checkpoint,
    Decision,
    EpochReport,
    Objective,
    StudyData,
    TrainingFailure,
    TrainingResult,
    TrainingTask,
    WinnerMeasured,
)
from search.system.output_capture import only_own_lines
from search.workers.protocol import (
    CheckpointMade,
    EpochReported,
    Event,
    Measured,
    TrainingEnded,
    TrainingFailed,
    TrainingPaused,
)
from search.workers.trainer import TrainingStation

_worker = 0
_Answer = EpochReport | Checkpoint | TrainingResult | WinnerMeasured | TrainingFailure | None


class InlineWorkers:
    """Obeys `search.workers.protocol.Workers`: `next_event` trains the next epoch, then returns its report.

    Keras is imported when the first task is worked on. A KeyboardInterrupt passes through; the
    training is then in an unknown state, and the workers are good for `close` only.
    """

    def __init__(
        self,
        *,
        data: StudyData,
        objective: Objective,
        log_file: Path | None = None,
        threads: int | None = None,
        is_halted: Callable[[int], bool] = lambda trial: False,
    ) -> None:
        """Keep the data for later.

        Args:
            data: the study's images.
            objective: what recipes are measured by.
            log_file: where the backend's own lines go; None: to the terminal.
            threads: processor threads; None: as many as the backend likes. Ignored once Keras is imported.
            is_halted: asked after each batch whether `halt`, or `give_up` for its trial, is about to be called.
        """
        self._data = data
        self._objective = objective
        self._threads = threads
        self._is_halted = is_halted
        self._station: TrainingStation | None = None
        self._trial: int | None = None
        self._work: deque[Callable[[TrainingStation], _Answer]] = deque()
        self._is_ending = False
        """Whether the work is the last of a trial."""
        self._open = contextlib.ExitStack()
        if log_file is not None:
            self._open.enter_context(only_own_lines(log_file))

    @property
    def count(self) -> int:
        """One."""
        return 1

    @property
    def idle(self) -> int:
        """One, unless a training is under way."""
        return 1 if self._trial is None else 0

    def start(self, task: TrainingTask) -> int:
        """Take a task; `next_event` trains its first epoch."""
        self._occupy(task.trial)
        self._work.append(functools.partial(TrainingStation.start, task=task))
        return _worker

    def apply(self, trial: int, decision: Decision, *, keep_model: bool = False, make_checkpoint: bool = False) -> None:
        """Take a decision; `next_event` obeys it."""
        if trial != self._trial or self._work:
            raise RuntimeError(f"trial {trial} waits for no decision")
        if decision is Decision.PAUSE:
            self._work.append(TrainingStation.pause)
        elif decision is Decision.CONTINUE:
            if make_checkpoint:
                self._work.append(TrainingStation.checkpoint)
            self._work.append(TrainingStation.advance)
        else:
            self._is_ending = True
            self._work.append(functools.partial(TrainingStation.finish, keep_model=keep_model))

    def halt(self) -> None:
        """Take note; `next_event` returns what is left of the training."""
        if self._trial is not None and not self._is_ending:
            self._work = deque([TrainingStation.halt])

    def give_up(self, trial: int, failure: TrainingFailure) -> None:
        """Take note, between two epochs or where one was halted; `next_event` says so."""
        if trial == self._trial and not self._is_ending:
            self._work = deque([lambda station: failure])

    def measure(self, trial: int, model: bytes) -> int:
        """Take a model; `next_event` predicts the test images with it."""
        self._occupy(trial)
        self._is_ending = True
        self._work.append(functools.partial(TrainingStation.measure, model=model))
        return _worker

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Do the next piece of work, however long it takes; None when there is none."""
        if not self._work or self._trial is None:
            time.sleep(timeout_seconds)
            return None
        trial, work = self._trial, self._work.popleft()
        answer = work(self._warm_station())
        if isinstance(answer, EpochReport):
            return EpochReported(worker=_worker, trial=trial, report=answer)
        if answer is None and work is not TrainingStation.halt:
            return None  # amid an epoch; `halt` or `give_up` follows
        if isinstance(answer, Checkpoint) and self._work:
            return CheckpointMade(worker=_worker, trial=trial, checkpoint=answer)
        self._work.clear()
        self._trial = None
        if answer is None or isinstance(answer, Checkpoint):
            return TrainingPaused(worker=_worker, trial=trial, checkpoint=answer)
        if isinstance(answer, TrainingResult):
            return TrainingEnded(worker=_worker, trial=trial, result=answer)
        if isinstance(answer, WinnerMeasured):
            return Measured(worker=_worker, trial=trial, winner=answer)
        return TrainingFailed(worker=_worker, trial=trial, failure=answer)

    def close(self) -> None:
        """Forget the training under way."""
        self._station = self._trial = None
        self._work.clear()
        self._open.close()

    def _occupy(self, trial: int) -> None:
        if self._trial is not None:
            raise RuntimeError(f"no worker is idle: trial {self._trial} is under way")
        self._trial, self._is_ending = trial, False

    def _warm_station(self) -> TrainingStation:
        if self._station is None:
            prepare(threads=self._threads, gpu=True)
            self._station = TrainingStation(data=self._data, objective=self._objective, is_halted=self._must_stop)
        return self._station

    def _must_stop(self) -> bool:
        return self._trial is not None and self._is_halted(self._trial)
