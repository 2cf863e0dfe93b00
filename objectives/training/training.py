"""One training: a recipe under way, epoch by epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from objectives.data.directories import DataDirectories
from objectives.evaluation import predicting
from objectives.evaluation.metrics import METRICS, measure
from objectives.features import shared
from objectives.messages import Checkpoint, EpochReport, Objective, StudyData, TrainingResult
from objectives.networks import assemble, transfer
from objectives.training import keras_state
from objectives.training.batches import ShuffledBatches
from objectives.training.compiled import CompiledNetworks, Course, compile_model
from objectives.training.failures import TrainingError, classify, diverged
from objectives.training.steps import steps_of
from spaces.recipe import ImageShape, Recipe, Unfreeze

__all__ = ["Training", "TrainingError", "TrainingHalted", "classify"]

_most_of_training = 0.05
"""Copies of what an epoch begins with may cost this fraction of an epoch."""


class TrainingHalted(Exception):  # noqa: N818 - what happened, and no error
    """A training was asked to stop amid an epoch, and did so at its next batch."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Best:
    """The best epoch so far; its weights are copies in the host's memory, without what stays frozen."""

    epoch: int
    score: float
    weights: tuple[NDArray[Any], ...]
    probabilities: NDArray[np.float32]


class Training:
    """A recipe being trained on a study's data: `advance` once an epoch, then `finish`.

    The same recipe, data and seed give the same numbers on one processor thread, in a fresh process
    or a warm one, and also where a training goes on from the `checkpoint` of another.
    Starting a training clears what Keras holds of the one before.
    """

    def __init__(
        self,
        *,
        recipe: Recipe,
        data: StudyData,
        objective: Objective,
        seed: int,
        compiled: CompiledNetworks | None = None,
    ) -> None:
        """Build and compile; raises `TrainingError` where that fails.

        With `compiled` a training takes over what an earlier one of the same data compiled; that one must be over.
        """
        started = time.perf_counter()
        self._recipe = recipe
        self._data = data
        self._objective = objective
        self._seed = seed
        self._metric = METRICS[objective.metric]
        self._reports: list[EpochReport] = []
        self._best: _Best | None = None
        self._unsaved: Checkpoint | None = None
        self._is_saved = True
        self._copying_seconds = 0.0
        with _failing(0), keras_state.forgetting_gradients():
            keras_state.reset(seed)
            folder = DataDirectories.from_environment().features
            self._seen = shared.seen_by(recipe, data, epochs=objective.epochs, folder=folder)
            self._batches = ShuffledBatches(*self._seen.train, batch_size=recipe.fit.batch_size, seed=seed)
            self._fresh = assemble.assemble(self._seen.recipe, images=self._seen.shape, classes=len(data.classes))
            self._course = Course(
                steps=objective.epochs * len(self._batches),
                labels=data.train.labels[data.train.indices],
                classes=len(data.classes),
            )
            found = (CompiledNetworks() if compiled is None else compiled).take(
                self._fresh, self._seen.recipe, self._course
            )
            self._network, self._model, self._steps = found.network, found.model, found.steps
            frozen = {id(weight) for weight in transfer.frozen_weights(self._network, self._seen.recipe)}
            self._weights = [weight for weight in self._network.weights if id(weight) not in frozen]
            self._variables = [variable for variable in self._model.variables if id(variable) not in frozen]
        self._seconds_building = time.perf_counter() - started

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self._reports)

    @property
    def unsaved(self) -> Checkpoint | None:
        """Where the epoch began that was halted, unless `checkpoint` was asked for there, or copying it took long."""
        return self._unsaved

    def advance(self, *, is_halted: Callable[[], bool] = lambda: False) -> EpochReport:
        """Train one epoch and measure it on the validation images.

        Args:
            is_halted: asked after each batch whether to stop there.

        Raises:
            TrainingError: it diverged, ran out of memory, or anything else went wrong; the training
                is then over.
            TrainingHalted: it was; the training is over, and `unsaved` what is left of it.
        """
        self._keep_unsaved()
        started = time.perf_counter()
        epoch = self.epoch + 1
        with _failing(epoch), keras_state.forgetting_gradients():
            unfreeze = self._recipe.unfreeze
            if unfreeze is not None and unfreeze.epoch == epoch:
                self._unfreeze(unfreeze)
            fitted = self._fit(epoch, is_halted)
            found = predicting.probabilities(self._network, self._seen.validation)
            if not np.isfinite(found).all():
                raise diverged(math.nan, epoch, self._recipe)
            metrics = fitted | measure(found, self._labels())
            score = metrics[self._metric.name]
            if self._best is None or self._metric.direction.is_better(score, self._best.score):
                self._best = _Best(
                    epoch=epoch, score=score, weights=keras_state.copies(self._weights), probabilities=found
                )
        report = EpochReport(epoch=epoch, score=score, metrics=metrics, seconds=time.perf_counter() - started)
        self._reports.append(report)
        self._is_saved = False
        return report

    def checkpoint(self) -> Checkpoint:
        """Return what a training of the same recipe, data and seed needs to go on from here; at least one epoch in.

        Unseeded draws of a person's own layers are not in it: only generators that layers hold are.
        """
        started = time.perf_counter()
        best = self._best
        if best is None:
            raise RuntimeError("checkpoint() came before any epoch; call advance() first")
        self._is_saved = True
        with _failing(self.epoch):
            return Checkpoint(
                recipe=self._recipe,
                seed=self._seed,
                reports=tuple(self._reports),
                variables=keras_state.copies(self._variables),
                optimizer=keras_state.copies(self._model.optimizer.variables),
                best_epoch=best.epoch,
                best_weights=best.weights,
                best_probabilities=best.probabilities,
                seconds=time.perf_counter() - started,
            )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where the training of a checkpoint was; this one must not have begun.

        Raises:
            RecordError: the checkpoint does not fit this network; the training is then over.
        """
        unfreeze = self._recipe.unfreeze
        self._reports = list(checkpoint.reports)
        self._is_saved = True
        if unfreeze is not None and unfreeze.epoch <= self.epoch:
            self._unfreeze(unfreeze)
        optimizer = self._model.optimizer
        keras_state.assign(self._variables, checkpoint.variables)
        keras_state.assign(optimizer.variables, checkpoint.optimizer)
        self._best = _Best(
            epoch=checkpoint.best_epoch,
            score=checkpoint.reports[checkpoint.best_epoch - 1].score,
            weights=checkpoint.best_weights,
            probabilities=checkpoint.best_probabilities,
        )

    def finish(self, *, keep_model: bool) -> TrainingResult:
        """Return what the best epoch left; at least one epoch must be trained.

        Args:
            keep_model: also return the network with that epoch's weights, as a `.keras` file.
        """
        best = self._best
        if best is None:
            raise RuntimeError("finish() came before any epoch; call advance() first")
        with _failing(self.epoch):
            keras_state.assign(self._weights, best.weights)
            model = keras_state.saved(self._whole_network()) if keep_model else None
        return TrainingResult(
            score=best.score,
            best_epoch=best.epoch,
            epochs=self.epoch,
            parameters=self._network.count_params() + self._seen.frozen_weights,
            seconds_building=self._seconds_building,
            seconds_training=sum(report.seconds for report in self._reports),
            predictions=predicting.predictions_of(best.probabilities, self._data.validation),
            model=model,
            note=self._seen.note,
        )

    def _keep_unsaved(self) -> None:
        """Copy what the next epoch begins with, where nobody has it and that takes no time to speak of."""
        self._unsaved = None
        if not self._is_saved and self._copying_seconds <= self._reports[-1].seconds * _most_of_training:
            self._unsaved = self.checkpoint()
            self._copying_seconds = self._unsaved.seconds

    def _unfreeze(self, unfreeze: Unfreeze) -> None:
        """Let part of a pretrained network be trained too, from this epoch on; the optimizer begins afresh."""
        transfer.unfreeze(self._network, unfreeze.layers)
        compile_model(self._model, self._network, self._recipe, self._course)
        self._steps = steps_of(self._model)
        optimizer = self._model.optimizer
        transfer.slow_down(optimizer, self._network, rate=unfreeze.rate)
        optimizer.iterations.assign(self.epoch * len(self._batches))  # the schedule goes on where it was

    def _whole_network(self) -> keras.Model:
        if self._seen.recipe == self._recipe:
            self._fresh.set_weights(self._network.get_weights())  # another's network may have other dropout
            return self._fresh
        height, width, channels = self._data.train.images.shape[1:]
        images = ImageShape(height=height, width=width, channels=channels)
        return shared.whole_network(self._recipe, self._network, images=images, classes=len(self._data.classes))

    def _fit(self, epoch: int, is_halted: Callable[[], bool]) -> dict[str, float]:
        self._batches.shuffle(epoch)
        found = self._steps.train(self._batches, is_halted)
        if found is None:
            raise TrainingHalted(f"halted amid epoch {epoch}")
        if not math.isfinite(found["loss"]):
            raise diverged(found["loss"], epoch, self._recipe)
        return {"loss": found["loss"], "accuracy": found["accuracy"]}

    def _labels(self) -> NDArray[np.int32]:
        validation = self._data.validation
        return validation.labels[validation.indices]


@contextmanager
def _failing(epoch: int) -> Iterator[None]:
    """Turn whatever goes wrong inside into a `TrainingError`."""
    try:
        yield
    except (TrainingError, TrainingHalted):
        raise
    except Exception as error:
        raise TrainingError(classify(error, epoch)) from error
