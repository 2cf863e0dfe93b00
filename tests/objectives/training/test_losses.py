"""Losses are what a recipe says."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from objectives.training.losses import Crossentropy, class_weights, loss_of
from spaces.recipe import Augment, ConvNet, Fit, Recipe

LABELS = np.array([0, 2, 1], np.int32)
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.9, 0.05, 0.05]], np.float32)
UNEQUAL = np.repeat(np.arange(3, dtype=np.int32), [60, 30, 10])


def _loss(fit: Fit, augment: Augment = Augment()) -> keras.losses.Loss:  # noqa: B008 - it is frozen
    recipe = Recipe(network=ConvNet(stages=(), kernel=1), fit=fit, augment=augment)
    return loss_of(recipe, UNEQUAL, classes=3)


def test_by_default_the_loss_is_sparse_cross_entropy() -> None:
    assert type(_loss(Fit(learning_rate=1))) is keras.losses.SparseCategoricalCrossentropy


def test_smoothed_labels_are_those_of_keras() -> None:
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)(
        np.eye(3, dtype=np.float32)[LABELS], PROBABILITIES
    )

    assert float(_loss(Fit(learning_rate=1, label_smoothing=0.1))(LABELS, PROBABILITIES)) == pytest.approx(
        float(expected)
    )


def test_shares_of_classes_are_those_of_keras() -> None:
    shares = np.array([[0.8, 0.2, 0.0], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]], np.float32)
    expected = keras.losses.CategoricalCrossentropy()(shares, PROBABILITIES)

    assert float(_loss(Fit(learning_rate=1), Augment(mixup=0.2))(shares, PROBABILITIES)) == pytest.approx(
        float(expected)
    )


def test_a_weighted_example_counts_as_its_class_does() -> None:
    weights = np.array([1.0, 2.0, 4.0], np.float32)
    expected = np.mean(-np.log(PROBABILITIES[range(3), LABELS]) * weights[LABELS])

    assert float(Crossentropy(weights=weights)(LABELS, PROBABILITIES)) == pytest.approx(expected)


def test_a_blend_counts_as_its_classes_do_by_their_shares() -> None:
    weights = np.array([1.0, 2.0, 4.0], np.float32)
    blend = np.array([[0.75, 0.0, 0.25]], np.float32)
    expected = -(0.75 * np.log(0.7) + 0.25 * np.log(0.1)) * (0.75 * 1.0 + 0.25 * 4.0)

    assert float(Crossentropy(weights=weights)(blend, PROBABILITIES[:1])) == pytest.approx(expected)


def test_the_loss_has_the_weights_of_the_training_images() -> None:
    loss = _loss(Fit(learning_rate=1, class_weights="balanced"))

    assert isinstance(loss, Crossentropy)
    np.testing.assert_allclose(loss.weights, [100 / 180, 100 / 90, 100 / 30], rtol=1e-6)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    expected = compute_class_weight("balanced", classes=np.arange(3), y=UNEQUAL)

    np.testing.assert_allclose(class_weights("balanced", UNEQUAL, classes=3), expected, rtol=1e-6)


def test_sqrt_weights_are_in_proportion_to_the_roots_of_balanced_ones() -> None:
    found, balanced = (class_weights(kind, UNEQUAL, classes=3) for kind in ("sqrt", "balanced"))

    assert found is not None
    assert balanced is not None
    np.testing.assert_allclose(found / found[0], np.sqrt(balanced / balanced[0]), rtol=1e-6)


@pytest.mark.parametrize("kind", ["balanced", "sqrt"])
def test_the_mean_weight_of_all_examples_is_one(kind: str) -> None:
    weights = class_weights(kind, UNEQUAL, classes=3)

    assert weights is not None
    assert float(weights[UNEQUAL].mean()) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["balanced", "sqrt"])
def test_a_class_without_images_has_a_finite_weight(kind: str) -> None:
    assert np.isfinite(class_weights(kind, UNEQUAL, classes=5)).all()


def test_equal_weights_are_none() -> None:
    assert class_weights("none", UNEQUAL, classes=3) is None
