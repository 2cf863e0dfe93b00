"""Pixels mean what the user meant, for the whole dataset, or the values are refused with a way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from objectives.data.checks.check import check
from objectives.data.loading import load
from objectives.data.records import Dataset
from spaces.errors import DataError
from tests.objectives.data.pictures import directories

LABELS = np.arange(20) % 2
LEVELS = np.random.default_rng(0).integers(0, 256, (20, 7, 7))
LEVELS[:, 0, :2] = 0, 255  # each image is black somewhere and white somewhere


def loaded(path: Path, **options: object) -> Dataset:
    """Load data with a cache of their own."""
    return load(str(path), directories=directories(path.parent), **options)  # type: ignore[arg-type]


def arrays(tmp_path: Path, images: np.ndarray, **more: np.ndarray) -> Path:
    """Write an `.npz` whose test part is 4 of the images, so that none is drawn."""
    more = more or {"x_test": images[16:], "y_test": LABELS[16:]}
    np.savez(tmp_path / "own.npz", x_train=images[:16], y_train=LABELS[:16], **more)
    return tmp_path / "own.npz"


def files(tmp_path: Path, images: np.ndarray, *, ending: str = ".png") -> Path:
    """Write images into train and test folders of two classes; nothing but floats needs TIFF."""
    for number, (pixels, label) in enumerate(zip(images, LABELS, strict=True)):
        folder = tmp_path / "own" / ("train" if number < 16 else "test") / "ab"[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number:02}{ending}")
    return tmp_path / "own"


def with_overshoot() -> np.ndarray:
    """Floats 0..1 with a pixel just outside at either end, as bicubic resizing leaves them."""
    images = LEVELS / 255
    images[3, 2, 2], images[4, 2, 2] = 1.0078, -0.01
    return images


def hot(images: np.ndarray) -> np.ndarray:
    """Images with one pixel that is far brighter than all others."""
    images = images.copy()
    images[0, 1, 1] = 65535
    return images


BITS = LEVELS > 127
SIXTEENTHS = np.rint(LEVELS / 255 * 16)
MEANT = {
    "floats just above one": (with_overshoot(), np.clip(np.rint(with_overshoot() * 255), 0, 255)),
    "whole numbers 0 and 1": (BITS.astype(np.uint8), BITS * 255),
    "booleans": (BITS, BITS * 255),
    "ten bits": ((LEVELS * 4).astype(np.uint16), np.rint(LEVELS * 4 * (255 / 1023))),
    "sixteen bits": ((LEVELS * 257).astype(np.uint16), LEVELS),
    "floats up to 16, as scikit-learn's digits": (SIXTEENTHS, np.rint(SIXTEENTHS * 255 / 16)),
    "floats from -1 to 1": (LEVELS / 127.5 - 1, LEVELS),
    "floats from -0.5 to 0.5": (LEVELS / 255 - 0.5, LEVELS),
    "signed bytes": ((LEVELS - 128).astype(np.int8), LEVELS),
    "whole numbers as they should be": (LEVELS, LEVELS),
    "floats as they should be": (LEVELS / 255, LEVELS),
}  # fmt: skip


@pytest.mark.parametrize(("stored", "meant"), MEANT.values(), ids=MEANT.keys())
def test_arrays_are_scaled_as_meant(tmp_path: Path, stored: np.ndarray, meant: np.ndarray) -> None:
    assert (loaded(arrays(tmp_path, stored)).images[..., 0] == meant[:16]).all()


FILES = {
    "whole numbers 0 and 1": (BITS.astype(np.uint8), BITS * 255, ".png"),
    "bits": (BITS, BITS * 255, ".png"),
    "ten bits in sixteen": ((LEVELS * 4).astype(np.uint16), np.rint(LEVELS * 4 * (255 / 1023)), ".png"),
    "sixteen bits": ((LEVELS * 257).astype(np.uint16), LEVELS, ".png"),
    "floats just above one": (with_overshoot().astype(np.float32), MEANT["floats just above one"][1], ".tif"),
    "floats from -1 to 1": ((LEVELS / 127.5 - 1).astype(np.float32), LEVELS, ".tif"),
}


@pytest.mark.parametrize(("stored", "meant", "ending"), FILES.values(), ids=FILES.keys())
def test_files_are_scaled_as_meant(tmp_path: Path, stored: np.ndarray, meant: np.ndarray, ending: str) -> None:
    dataset = loaded(files(tmp_path, stored, ending=ending), image_size=7)

    assert (dataset.images[..., 0] == meant[[*range(0, 16, 2), *range(1, 16, 2)]]).all()


def test_formats_may_be_mixed(tmp_path: Path) -> None:
    root = files(tmp_path, LEVELS.astype(np.uint8))
    deep = root / "train" / "a" / "deep.png"
    Image.fromarray((LEVELS[0] * 4).astype(np.uint16)).save(deep)

    assert loaded(root).pixel_ranges == {"8 bits": (0, 255), "16 bits": (0, 1023)}


REFUSED = {
    "standardised": ((LEVELS - 120) / 60, r"values go from -2 to 2.25 \(floats\); which are black and white"),
    "thermal counts": (LEVELS.astype(np.uint16) // 16 + 29000, "values go from 29000 to 29015"),
    "nearly black": (LEVELS // 16, r"values go from 0 to 15 \(whole numbers\)"),
    "all black": (LEVELS * 0, "values go from 0 to 0"),
    "numbers of labels": ((LEVELS % 21).astype(np.uint8), r"values go from 0 to 20 \(8 bits\)"),
    "one hot pixel": (hot(LEVELS), "next to nothing is left"),
}  # fmt: skip


@pytest.mark.parametrize(("stored", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_unclear_values_are_refused_with_the_way_out(tmp_path: Path, stored: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=f"(?s){message}.*--pixel-range"):
        loaded(arrays(tmp_path, stored))


@pytest.mark.parametrize(("stored", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_the_check_refuses_what_a_search_refuses(tmp_path: Path, stored: np.ndarray, message: str) -> None:
    path = arrays(tmp_path, stored)
    with pytest.raises(DataError, match=f"(?s){message}"):
        check(str(path), directories=directories(tmp_path))


def test_files_with_unclear_values_are_not_fit(tmp_path: Path) -> None:
    found = check(str(files(tmp_path, (LEVELS // 16).astype(np.uint8))), directories=directories(tmp_path))

    assert (found.is_fit, found.problems[0].split(";")[0]) == (False, "pixel values go from 0 to 15 (8 bits)")


DARK = {
    "dark": LEVELS * 40 // 255,
    "bright": 215 + LEVELS * 40 // 255,
    "hazy": 100 + LEVELS * 40 // 255,
}


@pytest.mark.parametrize("values", DARK.values(), ids=DARK.keys())
@pytest.mark.parametrize("write", [arrays, files])
def test_eight_bits_mean_0_to_255_however_little_of_it_is_used(
    tmp_path: Path, values: np.ndarray, write: Callable[..., Path]
) -> None:
    dataset = loaded(write(tmp_path, values.astype(np.uint8)))

    assert (dataset.pixel_ranges, dataset.findings) == ({"8 bits": (0, 255)}, ())
    assert (dataset.images.min(), dataset.images.max()) == (values[:16].min(), values[:16].max())


def flat(images: np.ndarray) -> np.ndarray:
    """Images of which 12 of 20 have one value each."""
    images = images.copy()
    images[:12] = images[:12, :1, 2:3]
    return images


LITTLE_IS_LEFT = {
    "of one value": (flat(LEVELS).astype(np.uint8), None, "12 of 20 images have a single pixel value"),
    "of one value, wide": (flat(LEVELS * 4).astype(np.uint16), None, "12 of 20 images have a single pixel value"),
    "empty masks": (flat(BITS), None, "12 of 20 images have a single pixel value"),
    "a range far too wide": (
        (LEVELS * 4).astype(np.uint16),
        (0, 65535),
        r"20 of 20 images use fewer than 8 of the 256 levels from 0 to 65535 \(16 bits\)",
    ),
    "a range far off": ((LEVELS + 29000).astype(np.uint16), (0, 255), "20 of 20 images use fewer than 8"),
    "a range too wide for bytes": (LEVELS.astype(np.uint8) // 16, (0, 1023), "20 of 20 images use fewer than 8"),
    "one and the same": (
        np.concatenate([np.repeat(LEVELS[:1], 12, axis=0), LEVELS[12:]]).astype(np.uint8),
        None,
        "12 of 20 images have the same pixels, such as ",
    ),
}


@pytest.mark.parametrize(("stored", "given", "message"), LITTLE_IS_LEFT.values(), ids=LITTLE_IS_LEFT.keys())
@pytest.mark.parametrize("write", [arrays, files])
def test_images_of_which_little_is_left_are_not_fit(
    tmp_path: Path,
    stored: np.ndarray,
    given: tuple[float, float] | None,
    message: str,
    write: Callable[..., Path],
) -> None:
    path = write(tmp_path, stored)
    with pytest.raises(DataError, match=message):
        loaded(path, pixel_range=given, allow=["overlap", "conflicts"])
    if path.is_dir() or "same pixels" in message:
        found = check(str(path), directories=directories(tmp_path), pixel_range=given)
        assert [problem for problem in found.problems if re.search(message, problem)]
    else:
        with pytest.raises(DataError, match=message):
            check(str(path), directories=directories(tmp_path), pixel_range=given)


def test_transparent_images_of_which_nothing_is_left_are_not_fit(tmp_path: Path) -> None:
    pixels = np.concatenate([np.repeat(LEVELS[..., None], 3, axis=-1), np.zeros((20, 7, 7, 1))], axis=-1)

    with pytest.raises(DataError, match="20 of 20 images have a single .*such as 255.*\n.*laid on white"):
        loaded(files(tmp_path, pixels.astype(np.uint8)))


def test_a_range_that_is_given_beside_bytes_leaves_dark_bytes_alone(tmp_path: Path) -> None:
    root = files(tmp_path, (LEVELS // 16).astype(np.uint8))
    Image.fromarray((LEVELS[0] * 4).astype(np.uint16)).save(root / "train" / "a" / "deep.png")

    assert loaded(root, pixel_range=(0, 1023)).pixel_ranges == {"8 bits": (0, 255), "16 bits": (0, 1023)}


def test_a_range_that_is_given_is_used(tmp_path: Path) -> None:
    dataset = loaded(arrays(tmp_path, LEVELS // 16), pixel_range=(0, 15))

    assert (dataset.images[..., 0] == LEVELS[:16] // 16 * 17).all()


def test_parts_with_different_ranges_are_refused(tmp_path: Path) -> None:
    path = arrays(tmp_path, LEVELS.astype(float), x_test=LEVELS[16:] / 255, y_test=LABELS[16:])

    with pytest.raises(DataError, match="4 test images hold values up to 1, others up to 255"):
        loaded(path)


def test_the_range_of_the_whole_set_is_used_for_each_image(tmp_path: Path) -> None:
    images = LEVELS.astype(np.uint8)
    images[0] = images[0] // 4  # a dark image stays dark

    assert loaded(arrays(tmp_path, images)).images[0].max() == 63


def test_what_was_scaled_is_told(tmp_path: Path) -> None:
    dataset = loaded(arrays(tmp_path, with_overshoot()))

    said = "pixel values from -0.01 to 1.0078 (floats): 0 is black, 1 is white"
    assert [finding.text for finding in dataset.findings] == [said]


def test_ordinary_values_are_not_told(tmp_path: Path) -> None:
    assert loaded(arrays(tmp_path, LEVELS.astype(np.uint8))).findings == ()


def test_the_check_prints_the_values_found_and_used(tmp_path: Path) -> None:
    found = check(str(files(tmp_path, (LEVELS * 4).astype(np.uint16))), directories=directories(tmp_path))

    assert found.pixel_values == ("pixel values from 0 to 1020 (16 bits): 0 is black, 1023 is white",)
