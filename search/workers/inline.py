"""One worker in the driver's own process: for debuggers, notebooks and machines without Ray."""

from __future__ import annotations

import contextlib
import functools
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from objectives.device_report import find_device
from objectives.devices import prepare
from objectives.gpus import has_driver
from objectives.messages import Decision, Objective, StudyData, TrainingFailure, TrainingTask
from search.settings import RunSettings
from search.system.output_capture import only_own_lines
from search.workers.protocol import (
    CheckpointMade,
    EpochReported,
    Event,
    PartMeasured,
    Reply,
    WorkerFactory,
    WorkerReady,
    Workers,
    event_of,
)
from search.workers.trainer import Trainer
from spaces.errors import UsageError
from spaces.space import Space

_worker = 0


@contextlib.contextmanager
def open_workers(
    settings: RunSettings, *, space: Space, log_file: Path, note: Callable[[str], None]
) -> Iterator[WorkerFactory]:
    """Yield what makes the one worker of this process (see `search.workers.start.open_workers`)."""
    if settings.workers not in (None, 1):
        raise UsageError(f"invalid --workers {settings.workers}: expected 1 with --executor inline")
    with contextlib.ExitStack() as opened:

        def make(*, data: StudyData, objective: Objective, is_halted: Callable[[int], bool]) -> Workers:
            workers = InlineWorkers(
                data=data, objective=objective, log_file=log_file, is_halted=is_halted, device=settings.device
            )
            return opened.enter_context(contextlib.closing(workers))

        yield make


class InlineWorkers:
    """Implements `search.workers.protocol.Workers`: `next_event` trains the next epoch and returns its report.

    Keras is imported for the first task. A KeyboardInterrupt passes through; the state of the training is then
    unknown, and only `close` may be called.
    """

    def __init__(
        self,
        *,
        data: StudyData,
        objective: Objective,
        log_file: Path | None = None,
        is_halted: Callable[[int], bool] = lambda trial: False,
        device: str = "auto",
    ) -> None:
        """Keep the data until the first task.

        Args:
            data: the study's images.
            objective: what recipes are measured by.
            log_file: where the backend's own lines go; None: to the terminal.
            is_halted: called after each batch; true where `halt`, or `give_up` for its trial, is about to be called.
            device: a name in `search.settings.DEVICES`.
        """
        self._device = device
        self._data = data
        self._objective = objective
        self._is_halted = is_halted
        self._trainer: Trainer | None = None
        self._trial: int | None = None
        self._work: deque[Callable[[Trainer], Reply]] = deque()
        self._is_ending = False
        """Whether the next piece of work is the last of its trial."""
        self._open = contextlib.ExitStack()
        if log_file is not None:
            self._open.enter_context(only_own_lines(log_file))

    @property
    def count(self) -> int:
        """One."""
        return 1

    @property
    def idle(self) -> int:
        """One, unless a training is running."""
        return 1 if self._trial is None else 0

    def start(self, task: TrainingTask) -> int:
        """Accept a task; `next_event` trains its first epoch."""
        self._occupy(task.trial)
        self._work.append(functools.partial(Trainer.start, task=task))
        return _worker

    def apply(self, trial: int, decision: Decision, *, keep_model: bool = False, make_checkpoint: bool = False) -> None:
        """Accept a decision; `next_event` carries it out."""
        if trial != self._trial or self._work:
            raise RuntimeError(f"trial {trial} waits for no decision")
        if decision is Decision.PAUSE:
            self._work.append(Trainer.pause)
        elif decision is Decision.CONTINUE:
            if make_checkpoint:
                self._work.append(Trainer.checkpoint)
            self._work.append(Trainer.advance)
        else:
            self._is_ending = True
            self._work.append(functools.partial(Trainer.finish, keep_model=keep_model))

    def halt(self) -> None:
        """Let `next_event` return what is left of the training."""
        if self._trial is not None and not self._is_ending:
            self._work = deque([Trainer.halt])

    def give_up(self, trial: int, failure: TrainingFailure) -> None:
        """Let `next_event` return the failure, between two epochs or after a halted one."""
        if trial == self._trial and not self._is_ending:
            self._work = deque([lambda trainer: failure])

    def measure(self, trial: int, model: bytes) -> int:
        """Accept a model; `next_event` predicts the test images with it."""
        self._occupy(trial)
        self._is_ending = True
        self._work.append(functools.partial(Trainer.measure, model=model))
        return _worker

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Do the next piece of work, however long it takes; None when there is none."""
        if not self._work or self._trial is None:
            time.sleep(timeout_seconds)
            return None
        if self._trainer is None:
            return self._warm_up()
        trial, work = self._trial, self._work.popleft()
        event = event_of(work(self._trainer), worker=_worker, trial=trial)
        if isinstance(event, PartMeasured):
            self._work.append(Trainer.measure_on)
        elif not isinstance(event, EpochReported | CheckpointMade | None):  # the training has ended
            self._work.clear()
            self._trial = None
        return event

    def close(self) -> None:
        """Drop the running training."""
        self._trainer = self._trial = None
        self._work.clear()
        self._open.close()

    def _occupy(self, trial: int) -> None:
        if self._trial is not None:
            raise RuntimeError(f"no worker is idle: trial {self._trial} is running")
        self._trial, self._is_ending = trial, False

    def _warm_up(self) -> WorkerReady:
        may_use_gpu = self._device != "cpu"
        native = prepare(threads=None, gpu=may_use_gpu)
        # Nothing has found a GPU here: without a driver there is none to miss.
        misses_gpu = self._device == "gpu" or (may_use_gpu and has_driver())
        device = find_device(gpu=may_use_gpu, native=native)
        from objectives.training.keras_state import settings_kept

        self._open.enter_context(settings_kept())
        self._trainer = Trainer(data=self._data, objective=self._objective, is_halted=self._must_stop)
        return WorkerReady(worker=_worker, device=device if misses_gpu else replace(device, problem=None))

    def _must_stop(self) -> bool:
        return self._trial is not None and self._is_halted(self._trial)
