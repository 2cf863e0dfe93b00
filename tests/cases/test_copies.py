"""Nothing leaks from one part into another, or it is said where the number is."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from objectives.data.checks.check import check
from objectives.data.loading import load
from objectives.data.records import Dataset
from objectives.data.splitting import split
from spaces.errors import DataError
from tests.objectives.data.pictures import directories, fill


def loaded(path: Path, **options: object) -> Dataset:
    """Load data with a cache of their own."""
    return load(str(path), directories=directories(path.parent), **options)  # type: ignore[arg-type]


def texts(dataset: Dataset) -> list[str]:
    return [finding.text for finding in dataset.findings]


def pixels(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


def tripled(tmp_path: Path) -> Path:
    """Thirty images of each of two classes, each three times, as oversampling before the split leaves them."""
    root = fill(tmp_path / "photos", {"a": 30, "b": 30})
    for file in sorted(root.glob("*/*.png")):
        for copy in ("x", "y"):
            shutil.copy(file, file.with_name(f"{file.stem}{copy}.png"))
    return root


def test_copies_stay_together_when_the_test_part_is_chosen(tmp_path: Path) -> None:
    dataset = loaded(tripled(tmp_path))

    assert (len(dataset.test_images), pixels(dataset.test_images) & pixels(dataset.images)) == (36, set())


@pytest.mark.parametrize("seed", range(3))
def test_copies_stay_together_when_the_validation_part_is_chosen(tmp_path: Path, seed: int) -> None:
    dataset = loaded(tripled(tmp_path))
    chosen = split(dataset, seed=seed)

    assert len(chosen.validation) == pytest.approx(len(dataset.labels) / 5, abs=3)
    assert pixels(dataset.images[chosen.validation]) & pixels(dataset.images[chosen.train]) == set()


def test_copies_are_counted_and_named(tmp_path: Path) -> None:
    (said,) = texts(loaded(tripled(tmp_path)))

    assert said.startswith("120 images are exact copies; a split keeps copies together: a/0x.png = a/0.png, ")
    assert said.endswith(" and 57 more")


def test_copies_among_arrays_stay_together(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 5, 5), np.uint8)
    np.savez(tmp_path / "own.npz", x_train=np.concatenate([images] * 3), y_train=np.tile(np.arange(40) % 2, 3))
    dataset = loaded(tmp_path / "own.npz")
    chosen = split(dataset, seed=0)
    parts = [dataset.test_images, dataset.images[chosen.validation], dataset.images[chosen.train]]

    assert sum(len(pixels(part)) for part in parts) == 40


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder whose test part holds five training images under other names."""
    root = fill(tmp_path / "photos", {"train/a": 10, "train/b": 10, "test/a": 2, "test/b": 2})
    for number in range(5):
        shutil.copy(root / "train" / "a" / f"{number}.png", root / "test" / "a" / f"again{number}.png")
    return root


OVERLAP = (
    "5 images of test are also in train, so scores come out too high: test/a/again0.png = train/a/0.png, "
    "test/a/again1.png = train/a/1.png, test/a/again2.png = train/a/2.png and 2 more"
)


def test_parts_that_share_images_are_refused_with_examples(shared: Path) -> None:
    with pytest.raises(DataError) as refused:
        loaded(shared)

    assert str(refused.value).splitlines() == [
        OVERLAP,
        f"`python -m search data check {shared}` lists more; to search all the same: --allow overlap",
    ]


def test_parts_may_share_images_when_that_is_allowed(shared: Path) -> None:
    findings = loaded(shared, allow=["overlap"]).findings

    assert [(finding.text, finding.allow) for finding in findings] == [(OVERLAP, "overlap")]


def test_allowing_something_else_is_not_enough(shared: Path) -> None:
    with pytest.raises(DataError, match="--allow overlap"):
        loaded(shared, allow=["conflicts"])


def test_the_check_refuses_what_a_search_refuses_in_the_same_words(shared: Path) -> None:
    assert check(str(shared), directories=directories(shared.parent)).problems == (f"{OVERLAP} (--allow overlap)",)


@pytest.mark.parametrize("allow", [[], ["overlap"], ["conflicts"]])
def test_check_and_search_judge_alike_with_the_same_options(shared: Path, allow: list[str]) -> None:
    found = check(str(shared), directories=directories(shared.parent), allow=allow)
    try:
        findings = loaded(shared, allow=allow).findings
    except DataError:
        assert not found.is_fit
    else:
        assert (found.is_fit, [finding.text for finding in findings]) == (True, list(found.oddities))


@pytest.mark.parametrize("name", ["copy.bmp", "copy.png", "copy.tif", "copy.webp"])
def test_copies_in_other_formats_and_modes_are_found(tmp_path: Path, name: str) -> None:
    root = fill(tmp_path / "photos", {"train/a": 5, "train/b": 5, "test/a": 2, "test/b": 2})
    with Image.open(root / "train" / "a" / "0.png") as image:
        image.convert("L").save(root / "train" / "a" / "grey.png")
        image.convert("L").convert("RGB").save(root / "test" / "b" / name, lossless=True)

    with pytest.raises(DataError, match=f"1 image of test is also in train.*test/b/{name} = train/a/grey.png"):
        loaded(root)


def test_rows_of_a_table_in_two_parts_are_refused(tmp_path: Path) -> None:
    fill(tmp_path / "photos", {"a": 6, "b": 6})
    rows = [f"photos/{label}/{number}.png,{label},train" for label in "ab" for number in range(6)]
    rows += [f"photos/{label}/0.png,{label},test" for label in "ab"]
    (tmp_path / "list.csv").write_text("\n".join(["path,label,split", *rows]))

    with pytest.raises(DataError, match="2 images of test are also in train.*photos/a/0.png = photos/a/0.png"):
        loaded(tmp_path / "list.csv")


def test_arrays_that_share_images_are_refused(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 5, 5), np.uint8)
    labels = np.arange(20) % 2
    np.savez(tmp_path / "own.npz", x_train=images, y_train=labels, x_val=images[:3], y_val=labels[:3])

    with pytest.raises(DataError, match="3 images of validation are also in train.*validation image 0 = train image 0"):
        loaded(tmp_path / "own.npz")


def with_conflicts(tmp_path: Path, *, images: int, conflicts: int) -> Path:
    root = fill(tmp_path / "photos", {"a": images, "b": images - conflicts})
    for number in range(conflicts):
        shutil.copy(root / "a" / f"{number}.png", root / "b" / f"again{number}.png")
    return root


def test_an_image_with_two_labels_is_named(tmp_path: Path) -> None:
    dataset = loaded(with_conflicts(tmp_path, images=250, conflicts=1), image_size=8)

    assert texts(dataset)[0] == "2 images (0.4%) occur with several labels: a/0.png (a) = b/again0.png (b)"


def test_many_images_with_two_labels_are_refused(tmp_path: Path) -> None:
    root = with_conflicts(tmp_path, images=250, conflicts=2)

    with pytest.raises(DataError, match=r"4 images \(0.8%\) occur with several labels.*\n.*: --allow conflicts"):
        loaded(root, image_size=8)
    assert check(str(root), directories=directories(tmp_path)).problems == (
        (
            "4 images (0.8%) occur with several labels: a/0.png (a) = b/again0.png (b), a/1.png (a) = b/again1.png (b) "
            "(--allow conflicts)"
        ),
    )


def test_examples_of_conflicts_name_each_label(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"a": 5, "b": 5, "c": 5})
    for copy in ("a/x", "a/y", "a/z", "c/x"):
        shutil.copy(root / "a" / "0.png", root / f"{copy}.png")

    with pytest.raises(DataError, match=r"occur with several labels: a/0.png \(a\) = c/x.png \(c\)"):
        loaded(root)


def photograph(number: int, *, of: str = "china.jpg") -> Image.Image:
    """A piece of a photograph, 120 pixels wide, another one for each number."""
    left, top = 40 * (number % 12), 40 * (number // 12)
    return Image.fromarray(load_sample_image(of)[top : top + 120, left : left + 120])


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Different pieces of photographs, ten for each of two classes, with parts."""
    for folder, of in (("china", "china.jpg"), ("flower", "flower.jpg")):
        for number in range(24):
            place = tmp_path / "photos" / ("test" if number % 6 == 0 else "train") / folder
            place.mkdir(parents=True, exist_ok=True)
            photograph(3 * number, of=of).save(place / f"{number}.png")
    return tmp_path / "photos"


def test_photographs_that_overlap_a_little_are_no_copies(photographs: Path) -> None:
    assert loaded(photographs).findings == ()


def test_an_image_that_was_resized_and_encoded_again_is_named_but_accepted(photographs: Path) -> None:
    for number in (1, 2):
        with Image.open(photographs / "train" / "china" / f"{number}.png") as image:
            image.resize((90, 90)).save(photographs / "test" / "china" / f"small{number}.jpg", quality=90)
    (said,) = texts(loaded(photographs))

    assert said.startswith("2 images look like another, perhaps resized or encoded again (at most 4 of 64 bits ")
    assert "test/china/small1.jpg ~ train/china/1.png" in said


def test_blank_images_do_not_all_look_alike(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"a": 10, "b": 10})
    for shade in range(8):
        Image.new("RGB", (12, 10), (30 * shade,) * 3).save(root / "a" / f"blank{shade}.png")

    assert loaded(root).findings == ()


def test_digits_hold_no_copy(tmp_path: Path) -> None:
    assert load("digits", directories=directories(tmp_path)).findings == ()
