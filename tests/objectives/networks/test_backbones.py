"""A pretrained network is what Keras says it is, cut where the recipe says, with the recipe's own weights."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from objectives.networks.assemble import assemble
from objectives.networks.backbones import load_cut, preprocessed
from objectives.training.failures import classify
from spaces.backbones import APPLICATIONS, EXPORTED, Backbone
from spaces.errors import DataError
from spaces.recipe import ConvNet, Fit, ImageShape, Recipe, ResNet, Stage
from spaces.transfer import Head, Transfer

pytestmark = pytest.mark.slow

GREY = ImageShape(height=8, width=8, channels=1)
COLOUR = ImageShape(height=20, width=12, channels=3)
PLAIN = ConvNet(stages=tuple(Stage(filters=4, convolutions=1) for _ in range(2)), kernel=3, dropout=0.1)
HEAD = Head(summary="average", dense_units=0)


def _saved(folder: Path, network: Any = PLAIN, images: ImageShape = GREY) -> Backbone:
    recipe = Recipe(network=network, fit=Fit(learning_rate=0.1))
    file = folder / "model.keras"
    assemble(recipe, images=images, classes=3).save(file)
    return _file(EXPORTED, file)


def _file(name: str, file: Path) -> Backbone:
    digest = f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    return Backbone(name=name, weights=str(file), digest=digest)


def _whole(network: Transfer, images: ImageShape) -> keras.Model:
    return assemble(Recipe(network=network, fit=Fit(learning_rate=0.1), pixels="raw"), images=images, classes=3)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_each_of_ours_is_cut_in_four(name: str) -> None:
    backbone = Backbone(name=name, weights="none")
    side = backbone.side(32)
    cuts = [load_cut(Transfer(backbone=backbone, cut=backbone.cut(quarter), side=side)) for quarter in range(1, 5)]
    depths = [len(cut.layers) for cut in cuts]

    assert depths == sorted(set(depths))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(side, side, 3))
    assert cuts[-1].count_params() == whole.count_params()


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("VGG16", "vgg16"),
        ("InceptionV3", "inception_v3"),
        ("ResNet50V2", "resnet_v2"),
        ("MobileNetV2", "mobilenet_v2"),
        ("MobileNetV3Small", "mobilenet_v3"),
        ("EfficientNetV2B0", "efficientnet_v2"),
        ("ConvNeXtTiny", "convnext"),
    ],
)
def test_pixels_are_prepared_as_keras_prepares_them(name: str, module: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.float32)
    inputs = keras.Input((4, 4, 3))
    found = keras.Model(inputs, preprocessed(inputs, name)).predict_on_batch(pixels)

    np.testing.assert_allclose(found, getattr(keras.applications, module).preprocess_input(pixels.copy()), atol=1e-4)


def test_random_weights_are_the_same_in_every_trial() -> None:
    network = Transfer(backbone=Backbone(name="MobileNetV3Small", weights="none"), cut="expanded_conv_2_add")
    first = load_cut(network).get_weights()
    keras.utils.set_random_seed(7)

    assert all(np.array_equal(a, b) for a, b in zip(first, load_cut(network).get_weights(), strict=True))


def test_a_file_of_weights_is_read(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = keras.applications.MobileNetV3Small(include_top=False, weights=None, input_shape=(32, 32, 3))
    file = tmp_path / "own.weights.h5"
    source.save_weights(file)
    cut = load_cut(Transfer(backbone=_file("MobileNetV3Small", file)))

    assert all(np.array_equal(a, b) for a, b in zip(source.get_weights(), cut.get_weights(), strict=True))


def test_a_file_of_other_weights_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.weights.h5"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save_weights(file)

    with pytest.raises(DataError, match="does not fit MobileNetV3Small without its top"):
        load_cut(Transfer(backbone=_file("MobileNetV3Small", file)))


@pytest.mark.parametrize(
    ("cut", "last"),
    [(0.25, "stage1_pooling"), (0.5, "stage1_dropout"), (0.75, "stage2_pooling"), (1.0, "stage2_dropout")],
)
def test_an_exported_model_is_cut_by_depth(tmp_path: Path, cut: float, last: str) -> None:
    assert load_cut(Transfer(backbone=_saved(tmp_path), cut=cut)).layers[-1].name == last


def test_a_residual_network_is_cut_where_no_shortcut_passes_by(tmp_path: Path) -> None:
    backbone = _saved(tmp_path, ResNet(blocks=2, filters=4, stages=2))
    whole = keras.saving.load_model(backbone.weights, compile=False)
    last = {load_cut(Transfer(backbone=backbone, cut=part / 16)).layers[-1].name for part in range(1, 17)}

    assert len(last) >= 5
    for name in last:
        keras.Model(whole.get_layer(name).output, whole.output)  # raises where more than this output is needed


def test_an_exported_model_is_cut_by_name(tmp_path: Path) -> None:
    network = Transfer(backbone=_saved(tmp_path), cut="stage1_pooling", head=HEAD)

    assert _whole(network, GREY).get_layer("backbone").output_shape == (None, 4, 4, 4)


def test_a_frozen_network_drops_nothing_while_training(tmp_path: Path) -> None:
    whole = _whole(Transfer(backbone=_saved(tmp_path), head=HEAD), GREY)
    training = keras.Model(whole.input, whole.output)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1)).astype(np.float32)

    np.testing.assert_array_equal(training(pixels, training=True), training(pixels, training=False))


def test_an_unknown_cut_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no layer 'mixed7' in network: expected stage1_convolution1, stage1_pooling"):
        load_cut(Transfer(backbone=_saved(tmp_path), cut="mixed7"))


def test_a_cut_beyond_the_maps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="layer 'summary' of network gives .*: expected one that gives maps"):
        load_cut(Transfer(backbone=_saved(tmp_path), cut="summary"))


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    backbone = _saved(tmp_path)
    Path(backbone.weights).write_bytes(b"another")

    with pytest.raises(DataError, match="model.keras has changed: sha256:.* instead of sha256:"):
        load_cut(Transfer(backbone=backbone))


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    backbone = replace(_saved(tmp_path), weights=str(tmp_path / "gone.keras"))

    with pytest.raises(DataError, match=r"gone.keras can't be read: No such file.*; each worker needs it"):
        load_cut(Transfer(backbone=backbone))


def test_a_file_that_is_no_model_is_said(tmp_path: Path) -> None:
    file = tmp_path / "text.keras"
    file.write_text("no model")

    with pytest.raises(DataError, match="text.keras can't be read as a Keras model"):
        load_cut(Transfer(backbone=_file(EXPORTED, file)))


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("trained_on", [GREY, COLOUR], ids=["on-grey", "on-colour"])
def test_images_are_made_what_the_backbone_saw(tmp_path: Path, images: ImageShape, trained_on: ImageShape) -> None:
    """The whole model is saved and loaded without anything of ours, and says the same."""
    whole = _whole(Transfer(backbone=_saved(tmp_path, images=trained_on), head=HEAD), images)
    pixels = np.random.default_rng(0).integers(0, 256, (4, images.height, images.width, images.channels), np.uint8)
    whole.save(tmp_path / "whole.keras")
    loaded = keras.saving.load_model(tmp_path / "whole.keras", safe_mode=True)

    np.testing.assert_allclose(loaded.predict_on_batch(pixels), whole.predict_on_batch(pixels), atol=1e-6)


def test_small_grey_images_reach_an_application(tmp_path: Path) -> None:
    backbone = Backbone(name="VGG16", weights="none")
    whole = _whole(Transfer(backbone=backbone, cut="block2_pool", side=32, head=HEAD), GREY)
    whole.save(tmp_path / "whole.keras")
    loaded = keras.saving.load_model(tmp_path / "whole.keras", safe_mode=True)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1), np.uint8)

    np.testing.assert_allclose(loaded.predict_on_batch(pixels), whole.predict_on_batch(pixels), atol=1e-6)


def test_no_network_is_told_with_the_file_to_put_where(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*arguments: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", unreachable)
    with pytest.raises(DataError) as caught:
        load_cut(Transfer(backbone=Backbone(name="VGG16")))
    failure = classify(caught.value, 0)

    file = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    assert failure.message == f"the ImageNet weights of VGG16 can't be downloaded: {file}"
    assert failure.traceback == (
        f"Put that file into {os.environ['KERAS_HOME']}/models, or start from one of yours: "
        "--backbone NAME:WEIGHTS.h5 or --backbone MODEL.keras"
    )
