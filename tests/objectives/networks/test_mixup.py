"""Mixup blends images and labels by the same shares, while training only."""

from __future__ import annotations

import keras
import numpy as np

from objectives.networks.assemble import assemble
from objectives.networks.augmentation import augmented
from objectives.networks.mixup import Mixup, MixupModel
from objectives.training.losses import Crossentropy
from spaces.recipe import Augment, ConvNet, Fit, ImageShape, Recipe

IMAGES = np.random.default_rng(0).integers(0, 256, (512, 4, 4, 1)).astype(np.float32)
LABELS = np.arange(512, dtype=np.int32) % 3


def _mixed(strength: float) -> tuple[np.ndarray, np.ndarray]:
    keras.utils.set_random_seed(0)
    images, shares = Mixup(Augment(mixup=strength))(IMAGES, training=True)
    return np.asarray(images), np.asarray(shares)


def _model() -> keras.Model:
    recipe = Recipe(network=ConvNet(stages=(), kernel=1), fit=Fit(learning_rate=1e-3))
    network = assemble(recipe, images=ImageShape(height=4, width=4, channels=1), classes=3)
    model = augmented(network, Augment(mixup=0.4))
    model.compile(loss=Crossentropy(), metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")])
    return model


def test_each_image_is_blended_with_the_one_before_by_its_share() -> None:
    images, shares = _mixed(0.4)
    share = shares[:, :, None, None]

    np.testing.assert_allclose(images, share * IMAGES + (1 - share) * np.roll(IMAGES, 1, axis=0), rtol=1e-4, atol=1e-2)


def test_an_image_keeps_the_larger_share() -> None:
    _, shares = _mixed(0.4)

    assert 0.5 <= shares.min() < shares.max() <= 1.0


def test_a_greater_strength_blends_more() -> None:
    means = [float(_mixed(strength)[1].mean()) for strength in (0.1, 1.0, 8.0)]

    np.testing.assert_allclose(means, [0.94, 0.75, 0.6], atol=0.03)  # of max(x, 1 - x) under Beta(a, a)


def test_outside_training_images_pass_with_a_share_of_one() -> None:
    images, shares = Mixup(Augment(mixup=0.4))(IMAGES, training=False)

    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(shares, np.ones((512, 1)))


def test_the_loss_is_that_of_blended_labels() -> None:
    model = _model()
    probabilities = np.random.default_rng(1).dirichlet([1, 1, 1], 512).astype(np.float32)
    shares = np.random.default_rng(2).uniform(0.5, 1, (512, 1)).astype(np.float32)
    logs = -np.log(probabilities)
    own, other = logs[range(512), LABELS], logs[range(512), np.roll(LABELS, 1)]
    found = model.compute_loss(IMAGES, LABELS, [probabilities, shares])

    np.testing.assert_allclose(float(found), np.mean(shares[:, 0] * own + (1 - shares[:, 0]) * other), rtol=1e-5)


def test_a_training_step_changes_the_network() -> None:
    model = _model()
    assert isinstance(model, MixupModel)
    before = [w.copy() for w in model.get_weights()]
    logs = model.train_on_batch(IMAGES, LABELS, return_dict=True)

    assert np.isfinite(logs["loss"])
    assert any(np.any(new != old) for new, old in zip(model.get_weights(), before, strict=True))
