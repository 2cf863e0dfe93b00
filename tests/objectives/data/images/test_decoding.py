"""Any image becomes 8-bit grey or colour of the size asked for; anything else is a clear problem."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from objectives.data.images.decoding import MOST_FILE_BYTES, UnreadableImageError, read_image
from tests.objectives.data.pictures import picture, png_header, save


def pixels(path: Path, *, height: int = 10, width: int = 12) -> np.ndarray:
    return np.asarray(read_image(path, height=height, width=width))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.ppm", "a.tga"])
def test_lossless_formats_keep_every_pixel(tmp_path: Path, name: str) -> None:
    assert (pixels(save(tmp_path / name)) == np.asarray(picture(0))).all()


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.gif", "a.jp2", "a.avif"])
def test_other_formats_are_read(tmp_path: Path, name: str) -> None:
    assert pixels(save(tmp_path / name)).shape == (10, 12, 3)


@pytest.mark.parametrize(("mode", "becomes"), [("1", "L"), ("L", "L"), ("LA", "L"), ("P", "RGB"), ("RGBA", "RGB")])
def test_modes_become_grey_or_colour(tmp_path: Path, mode: str, becomes: str) -> None:
    assert read_image(save(tmp_path / "a.png", mode=mode), height=10, width=12).mode == becomes


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    red = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    red.save(tmp_path / "a.tif")

    assert pixels(tmp_path / "a.tif", height=4, width=4)[0, 0].tolist() == [255, 0, 0]


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 32768, 65535]], np.uint16)).save(tmp_path / "a.png")

    assert pixels(tmp_path / "a.png", height=1, width=3).tolist() == [[0, 128, 255]]


def test_floats_up_to_one_are_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32)).save(tmp_path / "a.tif")

    assert pixels(tmp_path / "a.tif", height=1, width=3).tolist() == [[0, 128, 255]]


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(tmp_path / "a.png")

    assert (pixels(tmp_path / "a.png", height=2, width=2) == 255).all()


def test_of_an_animation_the_first_frame_counts(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 4), shade) for shade in (255, 0)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])

    assert (pixels(tmp_path / "a.gif", height=4, width=4) == 255).all()


def test_the_rotation_of_the_camera_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter to the right
    picture(0).save(tmp_path / "a.png", exif=exif)

    assert (pixels(tmp_path / "a.png", height=12, width=10) == np.asarray(picture(0).rotate(-90, expand=True))).all()


def test_crop_takes_the_centre(tmp_path: Path) -> None:
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, 2:6] = 200
    Image.fromarray(wide).save(tmp_path / "a.png")

    assert (np.asarray(read_image(tmp_path / "a.png", height=4, width=4, resize="crop")) == 200).all()


def test_pad_adds_black_bars(tmp_path: Path) -> None:
    Image.new("RGB", (8, 4), "white").save(tmp_path / "a.png")
    padded = np.asarray(read_image(tmp_path / "a.png", height=8, width=8, resize="pad"))

    assert padded[:, 0, 0].tolist() == [0, 0, 255, 255, 255, 255, 0, 0]


def test_stretch_fills_all(tmp_path: Path) -> None:
    Image.new("RGB", (8, 4), "white").save(tmp_path / "a.png")

    assert (pixels(tmp_path / "a.png", height=8, width=8) == 255).all()


def test_a_large_jpeg_is_not_decoded_in_full(tmp_path: Path) -> None:
    Image.new("RGB", (4000, 4000), "white").save(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        image.draft(None, (64, 64))
        assert image.size == (500, 500)  # what `read_image` relies on

    assert pixels(tmp_path / "a.jpg", height=32, width=32).shape == (32, 32, 3)


BAD = {
    "zero bytes": (b"", "zero bytes"),
    "text": (b"not an image", "not an image of a known format"),
    "a header of 200 megapixels": (png_header(20_000, 10_000), "megapixels"),
    "a header of 3600 megapixels": (png_header(60_000, 60_000), "megapixels"),
    "a header of 60 megapixels": (png_header(10_000, 6_000), "megapixels"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known format"),
}


@pytest.mark.parametrize(("content", "problem"), BAD.values(), ids=BAD.keys())
def test_what_is_no_image_is_a_problem(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "a.png").write_bytes(content)

    with pytest.raises(UnreadableImageError, match=problem):
        pixels(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_truncated_image_is_a_problem(tmp_path: Path, name: str) -> None:
    whole = save(tmp_path / name, width=200, height=200).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])

    with pytest.raises(UnreadableImageError, match="truncated"):
        pixels(tmp_path / name)


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="no such file"):
        pixels(tmp_path / "a.png")


def test_a_bomb_fills_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_header(60_000, 60_000))
    tracemalloc.start()
    with pytest.raises(UnreadableImageError):
        pixels(tmp_path / "a.png")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 5_000_000


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(MOST_FILE_BYTES + 1)  # sparse: it takes no room

    with pytest.raises(UnreadableImageError, match="268 MB; at most 268 MB are read"):
        pixels(tmp_path / "a.png")
