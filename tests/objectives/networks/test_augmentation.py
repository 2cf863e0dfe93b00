"""Random changes reach training images only, each within its bounds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from objectives.networks.assemble import assemble
from objectives.networks.augmentation import Cutout, RandomLight, RandomWarp, augmented, view
from spaces.recipe import Augment, ConvNet, Fit, ImageShape, Recipe, Stage

IMAGES = np.random.default_rng(0).integers(0, 256, (32, 12, 12, 1)).astype(np.float32)
WARPS = Augment(flip_horizontal=True, flip_vertical=True, shift=0.1, rotation_degrees=20, zoom=0.2, shear=0.1)
ALL = replace(WARPS, brightness=0.1, contrast=0.2, cutout=0.3)


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


@pytest.mark.parametrize(
    ("augment", "axis"), [(Augment(flip_horizontal=True), 1), (Augment(flip_vertical=True), 0)], ids=["right", "down"]
)
def test_a_flip_leaves_an_image_or_mirrors_it(augment: Augment, axis: int) -> None:
    warped = _warped(augment)
    kept = [bool(np.all(new == old)) for new, old in zip(warped, IMAGES, strict=True)]
    mirrored = [bool(np.all(new == np.flip(old, axis))) for new, old in zip(warped, IMAGES, strict=True)]

    assert [k != m for k, m in zip(kept, mirrored, strict=True)] == [True] * len(IMAGES)
    assert 0 < sum(kept) < len(IMAGES)


@pytest.mark.parametrize(
    "augment", [Augment(shift=0.2), Augment(rotation_degrees=30), Augment(zoom=0.3), Augment(shear=0.3)]
)
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


def test_a_shift_is_of_whole_pixels() -> None:
    """Were images moved by parts of a pixel, training would see blurred ones and validation would not."""
    assert np.isin(_warped(Augment(shift=0.3, flip_horizontal=True)), IMAGES).all()


def test_each_shift_is_as_likely() -> None:
    spots = np.zeros((4000, 9, 9, 1), np.float32)
    spots[:, 4, 4] = 1.0
    warped = _warped(Augment(shift=0.3), spots)[..., 0]
    rows = np.argmax(warped.max(axis=2), axis=1) - 4
    counts = np.bincount(rows + 4, minlength=9)

    assert counts[2:7].sum() == 4000  # two pixels either way
    assert counts[2:7].min() > 700


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


def test_a_shear_moves_pixels_sideways_by_at_most_its_fraction_of_their_height() -> None:
    spots = np.zeros((64, 41, 41, 1), np.float32)
    spots[:, 36, 20] = 1.0  # 16 below the centre
    warped = _warped(Augment(shear=0.25), spots)[..., 0]
    rows, columns = np.mgrid[:41, :41] - 20
    sideways = np.array([(columns * w).sum() / w.sum() for w in warped])
    down = np.array([(rows * w).sum() / w.sum() for w in warped])

    np.testing.assert_allclose(down, 16, atol=1e-4)
    assert 3.5 < np.abs(sideways).max() <= 4.0


def test_what_comes_in_from_beyond_an_edge_repeats_the_edge() -> None:
    np.testing.assert_allclose(_warped(WARPS, np.full_like(IMAGES, 200.0)), 200.0, rtol=1e-5)


def test_what_comes_in_may_be_black() -> None:
    warped = _warped(replace(WARPS, fill="constant"), np.full_like(IMAGES, 200.0))

    assert (warped.min(), warped.max()) == (0.0, pytest.approx(200.0))


class ThreeToTheRight(RandomWarp):
    """Shifts each image of 8 pixels by exactly three."""

    def _drawn(self, amounts: int, images: Any) -> Any:
        return keras.ops.zeros((amounts, images.shape[0])) - np.eye(amounts, dtype=np.float32)[2][:, None]


@pytest.mark.parametrize(
    ("fill", "seen"), [("nearest", "111123"), ("constant", "000123"), ("reflect", "321123"), ("wrap", "678123")]
)
def test_an_edge_is_filled_as_asked(fill: str, seen: str) -> None:
    strips = np.tile(np.arange(1, 9, dtype=np.float32)[None, None, :, None], (2, 8, 1, 1))
    shifted = np.asarray(ThreeToTheRight(Augment(shift=3 / 8, fill=fill))(strips, training=True))

    assert "".join(f"{x:.0f}" for x in shifted[0, 4, :6, 0]) == seen


def test_light_stays_within_its_strengths() -> None:
    keras.utils.set_random_seed(0)
    grey = np.full((256, 4, 4, 3), 100.0, np.float32)
    changes = np.asarray(RandomLight(Augment(brightness=0.2))(grey, training=True))[:, 0, 0, 0] - 100.0

    assert 45 < np.abs(changes).max() <= 0.2 * 255
    assert changes.min() < -45


def test_contrast_stretches_about_the_mean() -> None:
    keras.utils.set_random_seed(0)
    images = np.tile(np.array([80.0, 120.0], np.float32)[None, None, :, None], (256, 2, 1, 1))
    changed = np.asarray(RandomLight(Augment(contrast=0.5))(images, training=True))
    spreads = (changed[:, 0, 1, 0] - changed[:, 0, 0, 0]) / 40.0

    np.testing.assert_allclose(changed.mean(axis=(1, 2)), 100.0, rtol=1e-5)
    assert 0.5 <= spreads.min() < 0.55
    assert 1.45 < spreads.max() <= 1.5


def test_pixels_stay_between_black_and_white() -> None:
    keras.utils.set_random_seed(0)
    changed = np.asarray(RandomLight(Augment(brightness=0.9, contrast=0.9))(IMAGES, training=True))

    assert (changed.min(), changed.max()) == (0.0, 255.0)


def test_cutout_hides_a_square_under_the_mean() -> None:
    keras.utils.set_random_seed(0)
    changed = np.asarray(Cutout(Augment(cutout=0.5))(IMAGES, training=True))
    means = np.broadcast_to(IMAGES.mean(axis=(1, 2), keepdims=True), IMAGES.shape)
    hidden = changed != IMAGES

    np.testing.assert_allclose(changed[hidden], means[hidden], rtol=1e-5)
    assert hidden.any(axis=2).sum(axis=1).max() == hidden.any(axis=1).sum(axis=1).max() == 6
    assert hidden.any(axis=(1, 2, 3)).all()


def test_the_same_seed_makes_the_same_changes() -> None:
    np.testing.assert_array_equal(_warped(ALL, seed=3), _warped(ALL, seed=3))


def test_another_seed_makes_others() -> None:
    assert np.any(_warped(ALL, seed=3) != _warped(ALL, seed=4))


def test_a_view_is_changed_alike_for_the_same_seed_alone() -> None:
    images = IMAGES.astype(np.uint8)
    once, again, other = (view(images, ALL, seed=seed) for seed in (5, 5, 6))

    np.testing.assert_array_equal(once, again)
    assert all(np.any(one != two) for one, two in zip(once, other, strict=True))
    assert (once.shape, once.dtype.name) == (images.shape, "float32")


def test_a_view_leaves_what_keras_draws_next_alone() -> None:
    keras.utils.set_random_seed(0)
    expected = keras.random.uniform((3,))
    keras.utils.set_random_seed(0)
    view(IMAGES.astype(np.uint8), ALL, seed=5)

    np.testing.assert_array_equal(keras.random.uniform((3,)), expected)
