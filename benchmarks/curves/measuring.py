"""One training, measured after each epoch with corrected running averages and with plain ones."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from numpy.typing import NDArray

from benchmarks.curves.plan import DATA, planned
from benchmarks.curves.table import Row, rows_for
from objectives.data.directories import DataDirectories
from objectives.data.loading import load
from objectives.data.splitting import split
from objectives.evaluation import predicting
from objectives.messages import Examples, Objective, StudyData
from objectives.training.failures import TrainingError
from objectives.training.keras_state import assign, copies
from objectives.training.running_averages import RunningAverages
from objectives.training.training import Training
from spaces.recipe import Recipe


@functools.cache
def data_of(name: str) -> StudyData:
    """Return the training and validation images of one of `plan.DATA`; raises as `load` does."""
    data = DATA[name]
    dataset = load(name, directories=DataDirectories.from_environment(), image_size=data.image_size)
    rows = split(dataset, seed=0, train_images=data.images)
    return StudyData(
        train=Examples(images=dataset.images, labels=dataset.labels, indices=rows.train),
        validation=Examples(images=dataset.images, labels=dataset.labels, indices=rows.validation),
        test=None,
        classes=dataset.classes,
    )


class _NotedAverages(RunningAverages):
    """Running averages that remember what the correction took out of them.

    A later step multiplies that by the momentum, whatever the batch, so the averages that Keras would have kept are
    known after any step. Training does not depend on them.
    """

    def __init__(self, network: keras.Model) -> None:
        super().__init__(network)
        self.norms = self._norms
        self.seconds = 0.0
        self._taken: list[tuple[NDArray[np.float32], ...]] = []
        self._steps = 0

    def take_out_initial_values(self, *, steps: int) -> None:
        before = [copies(_pair(norm)) for norm in self.norms]
        begun = time.process_time()
        super().take_out_initial_values(steps=steps)
        self.seconds = time.process_time() - begun
        after = [copies(_pair(norm)) for norm in self.norms]
        self._taken = [tuple(b - a for b, a in zip(*both, strict=True)) for both in zip(before, after, strict=True)]
        self._steps = steps

    @contextmanager
    def plain(self, *, steps: int) -> Iterator[None]:
        """Put the plain averages after so many steps in place; on leaving, the corrected ones again."""
        kept = [copies(_pair(norm)) for norm in self.norms]
        for norm, taken in zip(self.norms, self._taken, strict=True):
            left = norm.momentum ** (steps - self._steps)
            for variable, part in zip(_pair(norm), taken, strict=True):
                variable.assign_add(left * part)
        try:
            yield
        finally:
            for norm, values in zip(self.norms, kept, strict=True):
                assign(_pair(norm), values)


def _pair(norm: keras.layers.BatchNormalization) -> tuple[keras.Variable, keras.Variable]:
    return norm.moving_mean, norm.moving_variance


class MeasuredTraining(Training):
    """The product's training, which can also be measured with plain averages."""

    def __init__(self, *, recipe: Recipe, data: StudyData, epochs: int, seed: int) -> None:
        super().__init__(recipe=recipe, data=data, objective=Objective(metric="val_accuracy", epochs=epochs), seed=seed)
        self._averages: _NotedAverages = _NotedAverages(self._compiled.network)
        self.weights = self._compiled.network.count_params()

    def plain_accuracy(self) -> float:
        """Return the validation accuracy after the last epoch with plain averages; the training is left as it was."""
        with self._averages.plain(steps=self.epoch * len(self._batches)):
            return self.accuracy()

    def accuracy(self) -> float:
        """Return the validation accuracy of the network as it is."""
        found = predicting.probabilities(self._compiled.network, self._inputs.validation)
        labels = self._data.validation.labels[self._data.validation.indices]
        return float((found.argmax(axis=1) == labels).mean())

    @property
    def correction_seconds(self) -> float:
        """Processor time that correcting took."""
        return self._averages.seconds


def rows_of(number: int) -> list[Row]:
    """Train one of `plan.planned()`, and return its rows; raises as `load` does where its images are missing."""
    training = planned()[number]
    data = data_of(training.data)
    weights = 0
    measured: list[dict[str, float]] = []
    try:
        begun = time.process_time()
        trained = MeasuredTraining(recipe=training.recipe, data=data, epochs=training.epochs, seed=training.seed)
        weights = trained.weights
        for _ in range(training.epochs):
            metrics = trained.advance().metrics
            seconds = time.process_time() - begun
            measured.append({**metrics, "val_accuracy_plain": trained.plain_accuracy(), "cpu_seconds": seconds})
            begun = time.process_time()
    except TrainingError:
        return rows_for(number, measured, weights=weights, state="failed")
    return rows_for(number, measured, weights=weights, state="complete")
