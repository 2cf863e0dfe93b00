"""One training of a recipe, epoch by epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from objectives.data.directories import DataDirectories
from objectives.evaluation import predicting
from objectives.evaluation.metrics import METRICS, measure
from objectives.features import shared
from objectives.messages import Checkpoint, EpochReport, Objective, Part, StudyData, TrainingResult
from objectives.networks import assemble, transfer
from objectives.training import keras_state
from objectives.training.batches import ShuffledBatches
from objectives.training.compiled import CompiledNetworks, TrainingPlan
from objectives.training.failures import TrainingHalted, diverged, training_errors
from objectives.training.running_averages import RunningAverages
from objectives.training.sizes import built_within_memory, check_outputs
from spaces.recipe import ImageShape, Recipe, Unfreeze

_most_of_training = 0.05
"""Copying the state at the beginning of an epoch may take this fraction of an epoch."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Best:
    """The epoch to keep, so far; its weights are copies in the host's memory, without what stays frozen."""

    epoch: int
    score: float
    weights: tuple[NDArray[Any], ...]
    probabilities: NDArray[np.float32]


class Training:
    """A recipe being trained on a study's data: `advance` once an epoch, then `finish`.

    On the part "all" it is trained on the validation images too. Its scores, still measured on them, then
    say nothing about other images, and the last epoch is kept instead of the best.

    The same recipe, data and seed give the same numbers on one processor thread, in a fresh process
    or a warm one, and also where a training resumes from the `checkpoint` of another.
    Starting a training clears Keras' state of the one before.
    """

    def __init__(
        self,
        *,
        recipe: Recipe,
        data: StudyData,
        objective: Objective,
        seed: int,
        compiled: CompiledNetworks | None = None,
        part: Part = "train",
    ) -> None:
        """Build and compile; raises `TrainingError` where that fails.

        With `compiled` a training reuses what an earlier one of the same data and part compiled; that one must be over.
        """
        started = time.perf_counter()
        self._recipe = recipe
        self._data = data = data.trained_on(part)
        self._keeps_last = part == "all"
        self._seed = seed
        self._metric = METRICS[objective.metric]
        self._reports: list[EpochReport] = []
        self._best: _Best | None = None
        self.unsaved: Checkpoint | None = None
        """The state before the epoch that was halted; None where `checkpoint` returned it, or copying took too long."""
        self._is_saved = True
        self._copying_seconds = 0.0
        self._predicting_seconds = math.inf
        """For all validation images, in the fastest epoch."""
        with training_errors(0), keras_state.forgetting_gradients():
            keras_state.reset(seed)
            folder = DataDirectories.from_environment().features
            self._inputs = shared.inputs_for(recipe, data, epochs=objective.epochs, folder=folder)
            trained = self._inputs.head or recipe
            self._batches = ShuffledBatches(*self._inputs.train, batch_size=recipe.fit.batch_size, seed=seed)
            self._fresh = built_within_memory(
                trained,
                lambda: assemble.assemble(trained, images=self._inputs.shape, classes=len(data.classes)),
                reset=lambda: keras_state.reset(seed),
            )
            check_outputs(self._fresh, images=min(recipe.fit.batch_size, len(data.train.indices)))
            self._plan = TrainingPlan(
                steps=objective.epochs * len(self._batches),
                labels=data.train.labels[data.train.indices],
                classes=len(data.classes),
            )
            kept = CompiledNetworks() if compiled is None else compiled
            self._compiled = kept.take(self._fresh, trained, self._plan)
            self._averages = RunningAverages(self._compiled.network) if objective.corrects_averages else None
            frozen = {id(weight) for weight in transfer.frozen_weights(self._compiled.network, trained)}
            self._weights = [weight for weight in self._compiled.network.weights if id(weight) not in frozen]
            self._variables = [variable for variable in self._compiled.model.variables if id(variable) not in frozen]
        self._seconds_building = time.perf_counter() - started

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self._reports)

    def advance(self, *, is_halted: Callable[[], bool] = lambda: False) -> EpochReport:
        """Train one epoch and measure it on the validation images.

        Args:
            is_halted: asked after each batch whether to stop there.

        Raises:
            TrainingError: it diverged, ran out of memory, or anything else went wrong; the training
                is then over.
            TrainingHalted: it was halted; the training is over, and `unsaved` is what is left of it.
        """
        self._keep_unsaved()
        started = time.perf_counter()
        epoch = self.epoch + 1
        with training_errors(epoch), keras_state.forgetting_gradients():
            if (unfreeze := self._recipe.unfreeze) is not None and unfreeze.epoch == epoch:
                self._unfreeze(unfreeze)
            self._batches.shuffle(epoch)
            fitted = self._compiled.steps.train(self._batches, is_halted)
            if fitted is None:
                raise TrainingHalted(f"halted in epoch {epoch}")
            if not math.isfinite(fitted["loss"]):
                raise diverged(fitted["loss"], epoch, self._recipe)
            if epoch == 1 and self._averages is not None:
                self._averages.take_out_initial_values(steps=len(self._batches))
            predicting_since = time.perf_counter()
            found = predicting.probabilities(self._compiled.network, self._inputs.validation)
            took = time.perf_counter() - predicting_since
            self._predicting_seconds = min(self._predicting_seconds, took)
            if not np.isfinite(found).all():
                raise diverged(math.nan, epoch, self._recipe)
            labels = self._data.validation.labels[self._data.validation.indices]
            metrics = {"loss": fitted["loss"], "accuracy": fitted["accuracy"]} | measure(found, labels)
            score = metrics[self._metric.name]
            best = self._best
            if best is None or self._keeps_last or self._metric.direction.is_better(score, best.score):
                self._best = _Best(
                    epoch=epoch, score=score, weights=keras_state.copies(self._weights), probabilities=found
                )
        report = EpochReport(epoch=epoch, score=score, metrics=metrics, seconds=time.perf_counter() - started)
        self._reports.append(report)
        self._is_saved = False
        return report

    def checkpoint(self) -> Checkpoint:
        """Return the state, from which a training of the same recipe, data and seed resumes; after at least one epoch.

        It has the states of the random generators that layers hold. A user's own layer that draws without one
        draws other numbers after resuming.
        """
        started = time.perf_counter()
        best = self._best
        if best is None:
            raise RuntimeError("checkpoint() before any epoch; call advance() first")
        self._is_saved = True
        with training_errors(self.epoch):
            return Checkpoint(
                recipe=self._recipe,
                seed=self._seed,
                reports=tuple(self._reports),
                variables=keras_state.copies(self._variables),
                optimizer=keras_state.copies(self._compiled.model.optimizer.variables),
                best_epoch=best.epoch,
                best_weights=best.weights,
                best_probabilities=best.probabilities,
                seconds=time.perf_counter() - started,
            )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Resume from a checkpoint; this training must not have trained an epoch yet.

        Raises:
            RecordError: the checkpoint does not fit this network; the training is then over.
        """
        self._reports = list(checkpoint.reports)
        self._is_saved = True
        if (unfreeze := self._recipe.unfreeze) is not None and unfreeze.epoch <= self.epoch:
            self._unfreeze(unfreeze)
        keras_state.assign(self._variables, checkpoint.variables)
        keras_state.assign(self._compiled.model.optimizer.variables, checkpoint.optimizer)
        self._best = _Best(
            epoch=checkpoint.best_epoch,
            score=checkpoint.reports[checkpoint.best_epoch - 1].score,
            weights=checkpoint.best_weights,
            probabilities=checkpoint.best_probabilities,
        )

    def finish(self, *, keep_model: bool) -> TrainingResult:
        """Return the result of the epoch to keep; at least one epoch must be trained.

        Args:
            keep_model: also return the network with that epoch's weights, as a `.keras` file.
        """
        best = self._best
        if best is None:
            raise RuntimeError("finish() before any epoch; call advance() first")
        is_whole = self._inputs.head is None
        with training_errors(self.epoch):
            keras_state.assign(self._weights, best.weights)
            model = keras_state.saved(self._whole_network()) if keep_model else None
        return TrainingResult(
            score=best.score,
            best_epoch=best.epoch,
            epochs=self.epoch,
            parameters=self._compiled.network.count_params() + self._inputs.frozen_weights,
            seconds_building=self._seconds_building,
            seconds_training=sum(report.seconds for report in self._reports),
            predictions=predicting.predictions_of(best.probabilities, self._data.validation),
            model=model,
            seconds_an_image=self._predicting_seconds / len(self._data.validation) if is_whole else None,
            note=self._inputs.note,
        )

    def _keep_unsaved(self) -> None:
        """Copy the state before the next epoch, unless it was returned already or copying takes too long."""
        self.unsaved = None
        if not self._is_saved and self._copying_seconds <= self._reports[-1].seconds * _most_of_training:
            self.unsaved = self.checkpoint()
            self._copying_seconds = self.unsaved.seconds

    def _unfreeze(self, unfreeze: Unfreeze) -> None:
        """Make part of a pretrained network trainable from this epoch on, with a fresh optimizer."""
        transfer.unfreeze(self._compiled.network, unfreeze.layers)
        self._compiled.recompile(self._recipe, self._plan)
        optimizer = self._compiled.model.optimizer
        transfer.slow_down(optimizer, self._compiled.network, rate=unfreeze.rate)
        optimizer.iterations.assign(self.epoch * len(self._batches))  # the schedule continues where it was

    def _whole_network(self) -> keras.Model:
        network = self._compiled.network
        if self._inputs.head is None:
            self._fresh.set_weights(network.get_weights())  # a network of an earlier training may have other dropout
            return self._fresh
        height, width, channels = self._data.train.images.shape[1:]
        images = ImageShape(height=height, width=width, channels=channels)
        return shared.whole_network(self._recipe, network, images=images, classes=len(self._data.classes))
