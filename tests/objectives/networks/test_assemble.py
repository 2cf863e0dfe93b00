"""A recipe's network is the network that a person would write down for it."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from objectives.networks.assemble import assemble
from spaces.catalogue import find_space
from spaces.errors import SpaceError
from spaces.recipe import ConvNet, Fit, ImageShape, Recipe, Stage
from tests.spaces.baselines import baseline_recipe

CIFAR = ImageShape(height=32, width=32, channels=3)
DIGITS = ImageShape(height=8, width=8, channels=1)
NOTEBOOK = ConvNet(stages=tuple(Stage(filters=filters, convolutions=2) for filters in (32, 64, 128)), kernel=3)


def _assemble(network: ConvNet, images: ImageShape = DIGITS, classes: int = 10, pixels: str = "unit") -> keras.Model:
    return assemble(Recipe(network=network, fit=Fit(learning_rate=1e-3), pixels=pixels), images=images, classes=classes)


def _kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def test_the_cifar_notebook_has_its_307_498_parameters() -> None:
    assert _assemble(NOTEBOOK, CIFAR).count_params() == 307_498


def test_the_simpsons_notebook_has_its_2_941_742_parameters() -> None:
    photos = ImageShape(height=64, width=64, channels=3)
    recipe = baseline_recipe(find_space("cnn_folder"), "simpsons_notebook_2019", images=photos, classes=18)
    assert assemble(recipe, images=photos, classes=18).count_params() == 2_941_742


def test_the_cifar_notebook_has_its_layers() -> None:
    stage = ["Conv2D", "Conv2D", "MaxPooling2D"]

    assert _kinds(_assemble(NOTEBOOK, CIFAR)) == ["InputLayer", "Rescaling", *stage * 3, "Flatten", "Dense"]


@pytest.mark.parametrize("classes", [2, 100])
@pytest.mark.parametrize("side", [(8, 8, 1), (28, 28, 1), (300, 200, 3), (1, 1, 1), (2, 40, 3)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_it_builds_for_any_images_and_classes(side: tuple[int, int, int], classes: int, padding: str) -> None:
    height, width, channels = side
    network = ConvNet(
        stages=tuple(Stage(filters=2, convolutions=1) for _ in range(5)), kernel=5, padding=padding, summary="average"
    )
    model = _assemble(network, ImageShape(height=height, width=width, channels=channels), classes)

    assert model.output_shape == (None, classes)


def test_a_pooling_that_would_leave_no_pixel_is_left_out() -> None:
    network = ConvNet(stages=tuple(Stage(filters=2, convolutions=1) for _ in range(5)), kernel=3)

    assert _kinds(_assemble(network)).count("MaxPooling2D") == 3  # 8, 4, 2, 1


def test_a_kernel_larger_than_what_is_left_is_padded() -> None:
    network = ConvNet(stages=(Stage(filters=2, convolutions=3, pool=False),), kernel=5, padding="valid")
    convolutions = [layer for layer in _assemble(network).layers if isinstance(layer, keras.layers.Conv2D)]

    assert [layer.padding for layer in convolutions] == ["valid", "same", "same"]  # sides 8, 4, 4


def test_a_norm_stands_between_convolution_and_activation() -> None:
    network = ConvNet(stages=(Stage(filters=2, convolutions=1),), kernel=3, batch_norm=True)

    assert _kinds(_assemble(network))[2:5] == ["Conv2D", "BatchNormalization", "Activation"]


def test_a_convolution_has_a_bias_unless_a_norm_follows() -> None:
    network = ConvNet(stages=(Stage(filters=2, convolutions=1),), kernel=3)
    with_norm, without = (
        _assemble(replace(network, batch_norm=norm)).get_layer("stage1_convolution1") for norm in (True, False)
    )

    assert (with_norm.use_bias, without.use_bias) == (False, True)


def test_the_head_is_summary_dense_dropout_output() -> None:
    network = ConvNet(
        stages=(Stage(filters=2, convolutions=1),),
        kernel=3,
        pooling="average",
        dropout=0.1,
        summary="max",
        dense_units=7,
        dense_dropout=0.5,
    )

    assert _kinds(_assemble(network))[3:] == [
        "AveragePooling2D",
        "Dropout",
        "GlobalMaxPooling2D",
        "Dense",
        "Dropout",
        "Dense",
    ]


@pytest.mark.parametrize(("pixels", "black", "white"), [("unit", 0, 1), ("symmetric", -1, 1), ("raw", 0, 255)])
def test_pixels_are_scaled_inside(pixels: str, black: float, white: float) -> None:
    network = ConvNet(stages=(Stage(filters=1, convolutions=0, pool=False),), kernel=1)
    model = _assemble(network, ImageShape(height=1, width=2, channels=1), 2, pixels)
    seen = keras.Model(model.input, model.get_layer("summary").output)

    np.testing.assert_allclose(seen(np.array([[[[0], [255]]]], np.uint8)), [[black, white]], atol=1e-6)


def test_stored_and_float_pixels_give_the_same_probabilities() -> None:
    model = _assemble(NOTEBOOK)
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)

    np.testing.assert_array_equal(model(images), model(images.astype(np.float32)))


def test_probabilities_sum_to_one() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)

    np.testing.assert_allclose(np.sum(_assemble(NOTEBOOK)(images), axis=1), 1.0, rtol=1e-6)


def _one_unit(classes: int = 2) -> keras.Model:
    recipe = Recipe(network=NOTEBOOK, fit=Fit(learning_rate=1e-3), output="sigmoid")
    return assemble(recipe, images=DIGITS, classes=classes)


def test_one_sigmoid_unit_gives_two_probabilities_that_sum_to_one() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    model = _one_unit()
    found = np.asarray(model(images))

    assert (found.shape, model.get_layer("second_class").units) == ((4, 2), 1)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-6)


def test_the_sigmoid_unit_is_that_of_the_second_class() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    model = _one_unit()
    unit = keras.Model(model.input, model.get_layer("second_class").output)

    np.testing.assert_array_equal(np.asarray(model(images))[:, 1:], unit(images))


def test_its_loss_is_binary_cross_entropy() -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), np.uint8)
    labels = np.array([0, 1, 1, 0, 1, 0], np.int32)
    found = np.asarray(_one_unit()(images))

    assert float(keras.losses.SparseCategoricalCrossentropy()(labels, found)) == pytest.approx(
        float(keras.losses.BinaryCrossentropy()(labels[:, None], found[:, 1:])), rel=1e-5
    )


def test_one_sigmoid_unit_for_more_classes_is_refused() -> None:
    with pytest.raises(SpaceError, match="invalid output 'sigmoid' with 3 classes: expected 2 classes"):
        _one_unit(3)
