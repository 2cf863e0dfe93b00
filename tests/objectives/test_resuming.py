"""A training that goes on from a checkpoint ends where one that was never interrupted does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from objectives.evaluation.predicting import load_model
from objectives.files.checkpoints import load, save
from objectives.messages import Checkpoint, Objective, StudyData, TrainingResult
from objectives.training.failures import TrainingHalted
from objectives.training.training import Training
from spaces.backbones import Backbone
from spaces.errors import RecordError
from spaces.recipe import Augment, ConvNet, Fit, Recipe, Stage, Unfreeze
from spaces.transfer import Head, Transfer

pytestmark = pytest.mark.slow

EPOCHS = 4
CNN = Recipe(
    network=ConvNet(
        stages=(Stage(filters=4, convolutions=1),), kernel=3, batch_norm=True, dropout=0.2, dense_units=8,
        dense_dropout=0.3,
    ),
    fit=Fit(learning_rate=0.01, schedule="one_cycle", weight_decay=1e-3, optimizer="adamw", batch_size=100),
    augment=Augment(flip_horizontal=True, shift=0.1, rotation_degrees=10, brightness=0.1, cutout=0.3, mixup=0.2),
)  # fmt: skip
PLAIN = Recipe(
    network=ConvNet(stages=(Stage(filters=4, convolutions=1),), kernel=3, dropout=0.2),
    fit=Fit(learning_rate=0.05, schedule="step", warmup=0.1, optimizer="sgd", batch_size=50),
)
TRANSFER = Recipe(
    network=Transfer(
        backbone=Backbone(name="MobileNetV3Small", weights="none"),
        cut="expanded_conv_2_add",
        side=32,
        head=Head(summary="flatten", dense_units=16, dropout=0.2),
    ),
    fit=Fit(learning_rate=0.01, schedule="cosine", optimizer="adam", batch_size=100),
    pixels="raw",
)
RECIPES = {
    "a network with everything": CNN,
    "plain gradient descent": PLAIN,
    "a head on shared features": TRANSFER,
    "a head on augmented images": replace(TRANSFER, augment=Augment(shift=0.1)),
    "unfrozen before": replace(TRANSFER, unfreeze=Unfreeze(layers=2, epoch=2)),
    "unfrozen after": replace(TRANSFER, unfreeze=Unfreeze(layers=2, epoch=3)),
}


def begun(recipe: Recipe, data: StudyData, *, metric: str = "val_loss") -> Training:
    """Return a training of four epochs."""
    return Training(recipe=recipe, data=data, objective=Objective(metric=metric, epochs=EPOCHS), seed=3)


def advanced(training: Training, *, epochs: int) -> Training:
    """Train so many epochs."""
    for _ in range(epochs):
        training.advance()
    return training


def through_a_file(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    """Return a checkpoint as it is when read again."""
    save(checkpoint, folder / "0002.npz")
    return load(folder / "0002.npz")


def left(training: Training) -> tuple[list[dict[str, float]], TrainingResult, list[np.ndarray]]:
    """Return the numbers of all epochs, the result, and the weights of the model that is saved."""
    numbers = [dict(report.metrics) for report in training.checkpoint().reports]
    result = training.finish(keep_model=True)
    assert result.model is not None
    return numbers, result, load_model(result.model).get_weights()


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_it_ends_where_an_undisturbed_one_does(small_digits: StudyData, recipe: Recipe, tmp_path: Path) -> None:
    straight = left(advanced(begun(recipe, small_digits), epochs=EPOCHS))
    checkpoint = through_a_file(advanced(begun(recipe, small_digits), epochs=2).checkpoint(), tmp_path)
    resumed = begun(recipe, small_digits)
    resumed.restore(checkpoint)
    disturbed = left(advanced(resumed, epochs=2))

    assert disturbed[0] == straight[0]
    assert (disturbed[1].best_epoch, disturbed[1].epochs) == (straight[1].best_epoch, EPOCHS)
    np.testing.assert_array_equal(disturbed[1].predictions.probabilities, straight[1].predictions.probabilities)
    for one, other in zip(disturbed[2], straight[2], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_best_epoch_before_the_interruption_is_kept(small_digits: StudyData, tmp_path: Path) -> None:
    recipe = replace(PLAIN, fit=Fit(learning_rate=3.0, optimizer="sgd", batch_size=50))
    first = advanced(begun(recipe, small_digits), epochs=2)
    checkpoint = replace(first.checkpoint(), best_epoch=1)
    weights = tuple(np.full_like(array, 0.5) for array in checkpoint.best_weights)
    resumed = begun(recipe, small_digits)
    resumed.restore(replace(checkpoint, best_weights=weights))
    model = resumed.finish(keep_model=True).model

    assert model is not None
    assert {float(value) for array in load_model(model).get_weights() for value in array.flat} == {0.5}


def test_seconds_of_the_epochs_before_count(small_digits: StudyData) -> None:
    checkpoint = advanced(begun(PLAIN, small_digits), epochs=1).checkpoint()
    resumed = begun(PLAIN, small_digits)
    resumed.restore(checkpoint)
    resumed.advance()

    assert resumed.finish(keep_model=False).seconds_training > checkpoint.reports[0].seconds


def test_a_frozen_part_is_not_in_it(small_digits: StudyData) -> None:
    recipe = replace(TRANSFER, augment=Augment(shift=0.1))
    checkpoint = advanced(begun(recipe, small_digits), epochs=1).checkpoint()
    shapes = [array.shape for array in checkpoint.best_weights]

    assert [len(shape) for shape in shapes] == [2, 1, 2, 1]  # two dense layers


def test_one_of_another_network_is_refused(small_digits: StudyData) -> None:
    checkpoint = advanced(begun(PLAIN, small_digits), epochs=1).checkpoint()

    with pytest.raises(RecordError, match="that of another network"):
        begun(CNN, small_digits).restore(checkpoint)


def test_there_is_none_before_the_first_epoch(small_digits: StudyData) -> None:
    with pytest.raises(RuntimeError, match="call advance"):
        begun(PLAIN, small_digits).checkpoint()


def test_a_training_halted_amid_an_epoch_leaves_where_that_epoch_began(small_digits: StudyData) -> None:
    training = advanced(begun(CNN, small_digits), epochs=1)
    with pytest.raises(TrainingHalted, match="halted in epoch 2"):
        training.advance(is_halted=lambda: True)
    assert training.unsaved is not None
    assert same(training.unsaved, advanced(begun(CNN, small_digits), epochs=1).checkpoint())


def test_what_was_asked_for_as_a_checkpoint_is_not_kept_twice(small_digits: StudyData) -> None:
    training = advanced(begun(CNN, small_digits), epochs=1)
    training.checkpoint()
    with pytest.raises(TrainingHalted):
        training.advance(is_halted=lambda: True)
    assert training.unsaved is None


def same(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether two checkpoints lead to the same numbers."""
    arrays = [(*each.variables, *each.optimizer, *each.best_weights) for each in (one, other)]
    return one.epoch == other.epoch and all(map(np.array_equal, *arrays))
