"""What is recorded of the winner's inside."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from objectives.evaluation.inspection import look_inside
from objectives.evaluation.predicting import measuring, predictions_of, probabilities
from objectives.messages import Examples, NetworkInside, StudyData
from objectives.networks.assemble import assemble
from objectives.training import keras_state
from spaces.recipe import ConvNet, Fit, ImageShape, Recipe, Stage

pytestmark = pytest.mark.slow


def recipe(stages: int = 1, *, convolutions: int = 1, filters: int = 12) -> Recipe:
    """Return a small convolutional network."""
    stage = Stage(filters=filters, convolutions=convolutions)
    return Recipe(network=ConvNet(stages=(stage,) * stages, kernel=3), fit=Fit(learning_rate=1e-3))


def model_of(recipe: Recipe) -> keras.Model:
    """Return its network, untrained."""
    return assemble(recipe, images=ImageShape(height=8, width=8, channels=1), classes=10)


def looked(model: keras.Model, data: StudyData) -> NetworkInside:
    """Look inside a network with the test digits."""
    assert data.test is not None
    return look_inside(model, data.test, predictions_of(probabilities(model, data.test), data.test))


def test_each_layer_is_listed_with_its_output_and_weights(small_digits: StudyData) -> None:
    found = looked(model_of(recipe()), small_digits)

    assert [(layer.kind, layer.output, layer.parameters) for layer in found.layers] == [
        ("Rescaling", (8, 8, 1), 0),
        ("Conv2D", (8, 8, 12), 120),
        ("MaxPooling2D", (4, 4, 12), 0),
        ("Flatten", (192,), 0),
        ("Dense", (10,), 1930),
    ]


def test_each_class_is_shown_by_the_image_that_the_network_is_surest_of(small_digits: StudyData) -> None:
    model, test = model_of(recipe()), small_digits.test
    assert test is not None
    found = looked(model, small_digits)
    of_class = probabilities(model, test)
    labels = test.labels[test.indices]
    surest = [int(test.indices[labels == digit][of_class[labels == digit, digit].argmax()]) for digit in range(10)]

    assert (found.classes, found.images) == (tuple(range(10)), tuple(surest))


def test_maps_are_what_the_layer_computes_stretched(small_digits: StudyData) -> None:
    model = model_of(recipe(filters=8))
    found = looked(model, small_digits)
    assert small_digits.test is not None
    layer = keras.Model(model.input, model.get_layer("stage1_convolution1").output)
    raw = np.asarray(layer(small_digits.test.images[list(found.images)]))
    low, high = raw.min(axis=(1, 2), keepdims=True), raw.max(axis=(1, 2), keepdims=True)
    expected = 255 * (raw - low) / np.maximum(high - low, 1e-12)

    assert found.maps[0].layer == "stage1_convolution1"
    np.testing.assert_allclose(found.maps[0].pixels, expected, atol=0.51)


def test_a_deep_wide_network_is_shown_in_part(small_digits: StudyData) -> None:
    found = looked(model_of(recipe(2, convolutions=6, filters=20)), small_digits)

    assert [maps.pixels.shape[3] for maps in found.maps] == [8] * 8
    assert (found.maps[0].layer, found.maps[-1].layer) == ("stage1_convolution1", "stage2_pooling")


def test_large_maps_are_thinned_out() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 200, 150, 3), dtype=np.uint8)
    examples = Examples(images=images, labels=np.array([0, 1], np.int32), indices=np.array([0, 1], np.int32))
    pixels = keras.Input((200, 150, 3))
    flat = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, padding="same")(pixels))
    model = keras.Model(pixels, layers.Dense(2, activation="softmax")(flat))
    found = look_inside(model, examples, predictions_of(probabilities(model, examples), examples))

    assert found.maps[0].pixels.shape == (2, 50, 38, 4)


def test_a_network_inside_the_network_is_listed_layer_by_layer(small_digits: StudyData) -> None:
    inner = model_of(recipe())
    images = keras.Input((8, 8, 1))
    found = looked(keras.Model(images, inner(images)), small_digits)

    assert [layer.kind for layer in found.layers] == ["Rescaling", "Conv2D", "MaxPooling2D", "Flatten", "Dense"]


def test_a_network_that_can_not_be_looked_into_is_measured_all_the_same(
    small_digits: StudyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opaque(*_: object) -> NetworkInside:
        raise AttributeError("no output")

    monkeypatch.setattr("objectives.evaluation.inspection.look_inside", opaque)
    assert small_digits.test is not None
    *_, measured = measuring(keras_state.saved(model_of(recipe())), small_digits.test)

    assert (measured.inside, len(measured.predictions.labels)) == (None, 100)
