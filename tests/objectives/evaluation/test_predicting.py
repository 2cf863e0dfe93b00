"""Probabilities come in the examples' order, whatever the batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from objectives.evaluation.predicting import predict, probabilities
from objectives.messages import StudyData
from objectives.networks.assemble import assemble
from spaces.recipe import ConvNet, Fit, ImageShape, Recipe, Stage


def _network() -> keras.Model:
    recipe = Recipe(network=ConvNet(stages=(Stage(filters=4, convolutions=1),), kernel=3), fit=Fit(learning_rate=1e-3))
    return assemble(recipe, images=ImageShape(height=8, width=8, channels=1), classes=10)


def test_many_images_are_predicted_in_order(small_digits: StudyData) -> None:
    network = _network()
    rows = np.random.default_rng(0).permutation(len(small_digits.train.images))[:1501].astype(np.int32)
    examples = replace(small_digits.train, indices=rows)  # two batches of 751, the second padded

    np.testing.assert_allclose(
        probabilities(network, examples), network(examples.images[rows]), rtol=1e-5, atol=1e-7, strict=False
    )


def test_a_single_image_is_predicted(small_digits: StudyData) -> None:
    assert probabilities(_network(), replace(small_digits.train, indices=np.array([5], np.int32))).shape == (1, 10)


def test_a_saved_model_predicts_with_the_truth_beside(small_digits: StudyData, tmp_path: Path) -> None:
    assert small_digits.test is not None
    network = _network()
    path = tmp_path / "model.keras"
    network.save(path)
    found = predict(path.read_bytes(), small_digits.test)

    np.testing.assert_allclose(found.probabilities, probabilities(network, small_digits.test), rtol=1e-6)
    np.testing.assert_array_equal(found.labels, small_digits.test.labels[small_digits.test.indices])
    np.testing.assert_array_equal(found.images, small_digits.test.indices)
