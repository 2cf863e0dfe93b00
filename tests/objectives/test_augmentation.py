"""Random changes reach training images only, each within its bounds."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from objectives.augmentation import RandomWarp, augmented
from objectives.networks import assemble
from spaces.recipe import Augment, ConvNet, Fit, ImageShape, Recipe, Stage

IMAGES = np.random.default_rng(0).integers(0, 256, (32, 12, 12, 1)).astype(np.float32)
ALL = Augment(flip_horizontal=True, shift=0.1, rotation_degrees=20, zoom=0.2)


def _warped(augment: Augment, images: np.ndarray = IMAGES, seed: int = 0) -> np.ndarray:
    keras.utils.set_random_seed(seed)
    return np.asarray(RandomWarp(augment)(images, training=True))


def _network() -> keras.Model:
    recipe = Recipe(network=ConvNet(stages=(Stage(filters=2, convolutions=1),), kernel=3), fit=Fit(learning_rate=1e-3))
    return assemble(recipe, images=ImageShape(height=12, width=12, channels=1), classes=3)


def test_off_adds_no_layer() -> None:
    network = _network()

    assert augmented(network, Augment()).layers == network.layers


def test_outside_training_images_pass_unchanged() -> None:
    network = _network()

    np.testing.assert_array_equal(augmented(network, ALL)(IMAGES, training=False), network(IMAGES))


def test_while_training_images_are_changed() -> None:
    network = _network()

    assert np.any(augmented(network, ALL)(IMAGES, training=True) != np.asarray(network(IMAGES)))


def test_a_flip_leaves_an_image_or_mirrors_it() -> None:
    warped = _warped(Augment(flip_horizontal=True))
    kept = [bool(np.all(new == old)) for new, old in zip(warped, IMAGES, strict=True)]
    mirrored = [bool(np.all(new == old[:, ::-1])) for new, old in zip(warped, IMAGES, strict=True)]

    assert [k != m for k, m in zip(kept, mirrored, strict=True)] == [True] * len(IMAGES)
    assert 0 < sum(kept) < len(IMAGES)


@pytest.mark.parametrize("augment", [Augment(shift=0.2), Augment(rotation_degrees=30), Augment(zoom=0.3)])
def test_each_image_gets_a_change_of_its_own(augment: Augment) -> None:
    same = np.repeat(IMAGES[:1], 8, axis=0)

    assert len({image.tobytes() for image in _warped(augment, same)}) == 8


def test_a_shift_moves_a_spot_no_further_than_asked() -> None:
    spots = np.zeros((64, 21, 21, 1), np.float32)
    spots[:, 10, 10] = 1.0
    warped = _warped(Augment(shift=0.2), spots)[..., 0]
    rows, columns = np.mgrid[:21, :21]
    moved = np.array([[(rows * w).sum(), (columns * w).sum()] for w in warped]) - 10

    assert 3.5 < np.abs(moved).max() <= 0.2 * 21


def test_a_rotation_turns_about_the_centre_no_further_than_asked() -> None:
    spots = np.zeros((64, 41, 41, 1), np.float32)
    spots[:, 20, 38] = 1.0
    warped = _warped(Augment(rotation_degrees=30), spots)[..., 0]
    rows, columns = np.mgrid[:41, :41] - 20
    down = np.array([(rows * w).sum() / w.sum() for w in warped])
    right = np.array([(columns * w).sum() / w.sum() for w in warped])

    np.testing.assert_allclose(np.hypot(down, right), 18, atol=0.5)
    assert 27 < np.abs(np.degrees(np.arctan2(down, right))).max() <= 30.5


def test_a_zoom_scales_distances_from_the_centre_by_at_most_its_fraction() -> None:
    spots = np.zeros((64, 41, 41, 1), np.float32)
    spots[:, 20, 30] = 1.0
    warped = _warped(Augment(zoom=0.25), spots)[..., 0]
    columns = np.arange(41) - 20
    distances = 10 / np.array([(columns * w).sum() / w.sum() for w in warped])

    assert 0.74 < distances.min() < 0.85
    assert 1.15 < distances.max() < 1.26


def test_what_comes_in_from_beyond_an_edge_repeats_the_edge() -> None:
    np.testing.assert_allclose(_warped(ALL, np.full_like(IMAGES, 200.0)), 200.0, rtol=1e-5)


def test_the_same_seed_makes_the_same_changes() -> None:
    np.testing.assert_array_equal(_warped(ALL, seed=3), _warped(ALL, seed=3))


def test_another_seed_makes_others() -> None:
    assert np.any(_warped(ALL, seed=3) != _warped(ALL, seed=4))
