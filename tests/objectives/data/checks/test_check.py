"""The data check names everything that is wrong, and never ends in a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from objectives.data.checks.check import check, lines
from objectives.data.checks.records import ClassCount, DataCheck, Duplicates
from spaces.errors import DataError
from tests.objectives.data.pictures import directories, fill, picture, png_header, save


def checked(root: Path) -> DataCheck:
    return check(str(root), directories=directories(root.parent))


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A sound folder: four cats and four dogs to train on, one each to test on."""
    return fill(tmp_path / "pets", {"train/cat": 4, "train/dog": 4, "test/cat": 1, "test/dog": 1})


def test_a_sound_folder_is_fit(pets: Path) -> None:
    found = checked(pets)

    assert (found.is_fit, found.oddities, found.bad_files, lines(found)[-1]) == (True, (), (), "fit for a search")


def test_images_are_counted_by_class_and_part(pets: Path) -> None:
    assert checked(pets).classes == (
        ClassCount(label="cat", train=4, validation=0, test=1),
        ClassCount(label="dog", train=4, validation=0, test=1),
    )


def test_sizes_and_modes_are_counted(pets: Path) -> None:
    save(pets / "train" / "cat" / "wide.png", 99, mode="L", width=30, height=20)
    found = checked(pets)

    assert ([(t.kind, t.images) for t in found.sizes], [(t.kind, t.images) for t in found.modes]) == (
        [("12x10", 10), ("30x20", 1)],
        [("RGB", 10), ("L", 1)],
    )


def spoil(pets: Path, name: str, content: bytes) -> DataCheck:
    (pets / "train" / "cat" / name).write_bytes(content)
    return checked(pets)


def half(path: Path) -> bytes:
    content = save(path, width=200, height=200).read_bytes()
    return content[: len(content) // 2]


@pytest.mark.parametrize("name", ["zero.jpg", "text.jpg", "cut.jpg", "cut.png", "huge.png", "bomb.png"])
def test_unreadable_files_are_named_and_are_problems(pets: Path, tmp_path: Path, name: str) -> None:
    content = {
        "zero.jpg": b"",
        "text.jpg": b"hello",
        "cut.jpg": half(tmp_path / "cut.jpg"),
        "cut.png": half(tmp_path / "cut.png"),
        "huge.png": png_header(20_000, 10_000),
        "bomb.png": png_header(60_000, 60_000),
    }[name]
    found = spoil(pets, name, content)

    assert ([file.path for file in found.bad_files], found.is_fit) == ([f"train/cat/{name}"], False)


def odd_image(kind: str, path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    match kind:
        case "cmyk.jpg":
            picture(50).convert("CMYK").save(path)
        case "palette.png":
            picture(50, mode="P").save(path)
        case "deep.png":
            Image.fromarray(np.arange(120, dtype=np.uint16).reshape(10, 12) * 500).save(path)
        case "moving.gif":
            picture(50).save(path, save_all=True, append_images=[picture(51)])
        case "turned.jpg":
            picture(50).save(path, exif=exif)
        case "clear.png":
            Image.new("RGBA", (12, 10), (1, 2, 3, 4)).save(path)


@pytest.mark.parametrize(
    ("name", "noted"),
    [
        ("cmyk.jpg", ["CMYK: converted to RGB"]),
        ("palette.png", ["of a palette: converted to RGB"]),
        ("deep.png", ["more than 8 bits: scaled to 8"]),
        ("moving.gif", ["of several frames: the first counts", "of a palette: converted to RGB"]),
        ("turned.jpg", ["rotated by the camera (EXIF): taken upright"]),
        ("clear.png", ["transparent: laid on white"]),
    ],
)
def test_odd_images_are_named_and_fit(pets: Path, name: str, noted: list[str]) -> None:
    odd_image(name, pets / "train" / "cat" / name)
    found = checked(pets)

    said = tuple(f"1 image {oddity} (train/cat/{name})" for oddity in noted)
    assert (found.is_fit, found.oddities) == (True, said)


def test_of_many_odd_images_three_are_named(pets: Path) -> None:
    for number in range(5):
        odd_image("clear.png", pets / "train" / "dog" / f"clear{number}.png")

    named = "train/dog/clear0.png, train/dog/clear1.png, train/dog/clear2.png and 2 more"
    assert f"5 images transparent: laid on white ({named})" in checked(pets).oddities


def test_an_empty_class_is_noted(pets: Path) -> None:
    (pets / "train" / "bird").mkdir()

    assert checked(pets).oddities == ("folders without an image, left out: train/bird",)


def test_a_class_only_in_train_is_noted(pets: Path) -> None:
    fill(pets, {"train/bird": 4}, seed=50)

    assert checked(pets).oddities == ("classes without a test image: bird",)


def test_a_class_only_in_test_is_a_problem(pets: Path) -> None:
    fill(pets, {"test/bird": 1}, seed=50)

    assert checked(pets).problems == ("classes in test without a training image: bird",)


def test_a_class_of_one_image_is_noted(tmp_path: Path) -> None:
    found = checked(fill(tmp_path / "pets", {"cat": 1, "dog": 3}))

    assert found.oddities == ("classes of one image, which trains and is never measured: cat",)


def test_unequal_classes_are_noted(tmp_path: Path) -> None:
    found = checked(fill(tmp_path / "pets", {"cat": 2, "dog": 22}))

    assert (found.imbalance, found.oddities[0].split(":")[0]) == (11.0, "unequal classes")


def test_one_class_is_a_problem(tmp_path: Path) -> None:
    assert not checked(fill(tmp_path / "pets", {"cat": 2})).is_fit


def test_an_empty_folder_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()

    assert not checked(tmp_path / "pets").is_fit


def copy(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())


def test_the_same_file_in_train_and_test_is_a_problem(pets: Path) -> None:
    copy(pets / "train/cat/0.png", pets / "test/cat/copy.png")
    found = checked(pets)

    assert (found.duplicates, found.problems) == (
        (Duplicates(files=("train/cat/0.png", "test/cat/copy.png"), parts=("train", "test"), labels=("cat",)),),
        (
            (
                "1 image of test is also in train, so scores come out too high: test/cat/copy.png = train/cat/0.png "
                "(--allow overlap)"
            ),
        ),
    )


def test_the_same_picture_in_another_file_is_a_duplicate(pets: Path) -> None:
    with Image.open(pets / "train/cat/0.png") as image:
        image.save(pets / "test/cat/copy.bmp")

    assert [group.parts for group in checked(pets).duplicates] == [("train", "test")]


def test_a_duplicate_within_a_part_is_noted(pets: Path) -> None:
    copy(pets / "train/cat/0.png", pets / "train/cat/copy.png")
    found = checked(pets)

    said = "1 image is an exact copy; a split keeps copies together: train/cat/copy.png = train/cat/0.png"
    assert (found.is_fit, found.oddities) == (True, (said,))


def test_the_same_picture_in_two_classes_of_few_images_is_a_problem(pets: Path) -> None:
    copy(pets / "train/cat/0.png", pets / "train/dog/copy.png")

    said = "2 images (18.2%) occur with several labels: train/cat/0.png (cat) = train/dog/copy.png (dog)"
    assert f"{said} (--allow conflicts)" in checked(pets).problems


def test_a_loop_of_links_is_named(pets: Path) -> None:
    (pets / "train" / "cat" / "loop").symlink_to(pets)
    found = checked(pets)

    assert (found.is_fit, [file.path for file in found.ignored]) == (True, ["train/cat/loop"])


def test_names_of_other_scripts_and_of_none_are_shown(pets: Path) -> None:
    fill(pets, {"train/猫": 2, "test/猫": 1}, seed=50)
    save(pets / "train/猫/a.png", 90).rename(pets / "train/猫" / os.fsdecode(b"\xff\xfe.png"))
    (pets / "train/猫/\x1b[31m.jpg").write_bytes(b"")

    assert "train/猫/\\x1b[31m.jpg: empty: zero bytes" in "\n".join(lines(checked(pets)))


def test_a_file_of_a_csv_that_is_missing_is_named(tmp_path: Path) -> None:
    fill(tmp_path, {"cat": 2, "dog": 2})
    names = [f"{label}/{number}.png,{label}" for label in ("cat", "dog") for number in range(3)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *names]))

    assert [(file.path, file.problem) for file in checked(tmp_path / "labels.csv").bad_files] == [
        ("cat/2.png", "no such file"),
        ("dog/2.png", "no such file"),
    ]


def test_arrays_are_checked_too(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 5, 5), np.uint8)
    np.savez(tmp_path / "own.npz", x_train=images, y_train=np.arange(8) % 2, x_test=images[:1], y_test=[0])
    found = checked(tmp_path / "own.npz")

    assert (found.is_fit, found.duplicates[0].files) == (False, ("train image 0", "test image 0"))


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        checked(tmp_path / "gone" / "pets")


def test_progress_is_told(pets: Path) -> None:
    calls: list[tuple[int, int]] = []
    check(str(pets), directories=directories(pets.parent), progress=lambda done, whole: calls.append((done, whole)))

    assert calls == [(10, 10)]


def test_long_lists_are_cut(pets: Path) -> None:
    for number in range(30):
        (pets / "train" / "cat" / f"bad{number}.jpg").write_bytes(b"")

    assert "  and 10 more" in lines(checked(pets))


def test_huge_headers_fill_no_memory(pets: Path) -> None:
    for number in range(20):
        (pets / "train" / "cat" / f"huge{number}.png").write_bytes(png_header(40_000, 40_000))
    program = (
        "import resource, sys; from pathlib import Path; from tests.objectives.data.checks.test_check import *;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; found = checked(Path(sys.argv[1]));"
        "print(len(found.bad_files), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000)"
    )
    run = subprocess.run([sys.executable, "-c", program, pets], capture_output=True, text=True, check=True)

    assert run.stdout == "20 True\n"
