"""Layouts are understood, or named and refused: folders, `.npz` names, CSV columns, paths, encodings, labels."""

from __future__ import annotations

import codecs
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from objectives.data.checks.check import check
from objectives.data.folders.given import read_parts
from objectives.data.folders.index import ImageIndex, index_folder
from objectives.data.folders.label_table import index_csv
from objectives.data.loading import load
from objectives.data.sources.arrays import ImageArrays, read_npz
from spaces.errors import DataError, UsageError
from tests.objectives.data.pictures import directories, fill, save

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 6, 6), np.uint8)
LABELS = np.arange(12) % 3


def counted(index: ImageIndex) -> dict[str, int]:
    """How many images an index has, by "part/class"."""
    return dict(Counter(f"{file.part}/{file.label}" for file in index.files))


# --- folders ---

TWO_PARTS = {"train/cat": 3, "train/dog": 3, "test/cat": 2, "test/dog": 2}


@pytest.mark.parametrize("name", ["eval", "Evaluation", "holdout", "my_eval_set", "hold-out"])
def test_a_folder_for_evaluation_is_the_test_part(tmp_path: Path, name: str) -> None:
    fill(tmp_path, {"train/cat": 3, "train/dog": 3, f"{name}/cat": 2, f"{name}/dog": 2})
    index = index_folder(tmp_path)

    assert (counted(index), index.notes) == (TWO_PARTS, (f"{name}/ is used as the test part",))


def test_a_folder_for_evaluation_beside_test_validates(tmp_path: Path) -> None:
    fill(tmp_path, {**TWO_PARTS, "eval/cat": 1, "eval/dog": 1})

    assert counted(index_folder(tmp_path)) == {**TWO_PARTS, "validation/cat": 1, "validation/dog": 1}


@pytest.mark.parametrize("names", [("train", "spare"), ("monday", "tuesday"), ("a", "b", "c")])
def test_folders_that_hold_the_same_classes_are_asked_about(tmp_path: Path, names: tuple[str, ...]) -> None:
    fill(tmp_path, {f"{name}/{label}": 2 for name in names for label in ("cat", "dog", "fox", "owl")})
    (problem,) = index_folder(tmp_path).problems
    folders = " and ".join(f"{name}/" for name in sorted(names))
    train, test = sorted(names, key=lambda name: (name != "train", name))[:2]

    assert problem.split("\n") == [
        f"{folders} hold the same folders (cat, dog, fox, ...): parts of the data, or classes?",
        f"If they are parts, give each: --parts train={train} --parts test={test}.",
        "If they are classes: --parts train=.",
    ]
    as_parts, as_classes = (
        index_folder(tmp_path, given=read_parts(option.split()[1::2]))
        for option in (problem.split("give each: ")[1].split(".\n")[0], "--parts train=.")
    )
    assert {label: as_parts.files and counted(as_parts)[label] for label in ("train/cat", "test/owl")} == {
        "train/cat": 2,
        "test/owl": 2,
    }
    assert counted(as_classes) == {f"train/{name}": 8 for name in names}


def test_another_folder_of_folders_beside_train_is_asked_about(tmp_path: Path) -> None:
    fill(tmp_path, {"train/cat": 3, "train/dog": 3, "misc/x": 2, "misc/y": 2})
    (problem,) = index_folder(tmp_path).problems

    assert problem.startswith(
        "train/ holds folders, as the training part of a dataset does, but misc/ beside it is not"
    )


GIVEN = {
    "parts of other names": (("train=monday", "test=tuesday"), {"train/cat": 2, "train/dog": 2, "test/cat": 1}),
    "two folders of one part": (
        ("train=monday", "train=tuesday", "val=more/wednesday"),
        {"train/cat": 3, "train/dog": 2, "validation/dog": 1},
    ),
    "folders that are classes": (("train=.",), {"train/monday": 4, "train/tuesday": 1, "train/more": 1}),
    "classes, but for one": (("train=.", "val=more"), {"train/monday": 4, "train/tuesday": 1}),
    "a part inside another": (("train=monday", "test=monday/dog"), {"train/cat": 2}),
}


@pytest.mark.parametrize(("parts", "meant"), GIVEN.values(), ids=GIVEN.keys())
def test_parts_may_be_given(tmp_path: Path, parts: tuple[str, ...], meant: dict[str, int]) -> None:
    fill(tmp_path, {"monday/cat": 2, "monday/dog": 2, "tuesday/cat": 1, "more/wednesday/dog": 1})
    index = index_folder(tmp_path, given=read_parts(parts))

    assert counted(index) == meant


def test_what_lies_outside_the_parts_that_are_given_is_counted(tmp_path: Path) -> None:
    fill(tmp_path, {**TWO_PARTS, "misc": 4, "deep/er/x": 1, "deep/train/cat": 1, "deep/train/dog": 1, ".": 1})
    index = index_folder(tmp_path, given=read_parts(["train=deep/train", "test=test"]))

    assert counted(index) == {"train/cat": 1, "train/dog": 1, "test/cat": 2, "test/dog": 2}
    assert [note.partition(" left out")[0] for note in index.notes] == [
        "1 image in the top folder",
        "1 image in deep/er/",
        "4 images in misc/",
        "6 images in train/",
    ]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["monday"], "invalid --parts 'monday': expected train=FOLDER, val=FOLDER or test=FOLDER"),
        (["eval=monday"], "invalid --parts 'eval=monday'"),
        (["train=a", "test=a"], "invalid --parts 'test=a': .* each folder once"),
        (["train=friday"], "invalid --parts 'friday': expected a folder inside the data, such as monday, tuesday"),
        (["test=monday"], "invalid --parts 'test=monday': expected a folder that trains"),
    ],
)
def test_parts_that_are_not_there_are_refused(tmp_path: Path, parts: list[str], message: str) -> None:
    fill(tmp_path, {"monday/cat": 2, "tuesday/cat": 1})

    with pytest.raises(UsageError, match=message):
        load(str(tmp_path), directories=directories(tmp_path), parts=parts)


def test_parts_of_arrays_are_not_given(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="invalid --parts: expected a folder or a CSV file as --data"):
        load(
            str(written(tmp_path, x_train=IMAGES, y_train=LABELS)), directories=directories(tmp_path), parts=["test=x"]
        )


def test_search_and_check_take_the_same_parts(tmp_path: Path) -> None:
    fill(tmp_path / "days", {f"{day}/{label}": 4 for day in ("monday", "tuesday") for label in ("cat", "dog")})
    at, parts = directories(tmp_path), ["train=monday", "test=tuesday"]
    dataset = load(str(tmp_path / "days"), directories=at, parts=parts)

    assert (len(dataset.labels), len(dataset.test_labels)) == (8, 8)
    assert check(str(tmp_path / "days"), directories=at, parts=parts).is_fit
    assert not check(str(tmp_path / "days"), directories=at).is_fit


def test_folders_beside_parts_that_agree_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, {**TWO_PARTS, "extra": 2, "slides": 3})
    index = index_folder(tmp_path)

    assert (counted(index), index.problems) == (TWO_PARTS, ())
    assert [note.partition(" left out")[0] for note in index.notes] == ["2 images in extra/", "3 images in slides/"]


@pytest.mark.parametrize("counts", [TWO_PARTS, {"cat/train": 3, "cat/test": 1, "dog/train": 3, "dog/test": 1}])
def test_pictures_beside_the_folders_are_named(tmp_path: Path, counts: dict[str, int]) -> None:
    index = index_folder(fill(tmp_path, {**counts, ".": 3}))

    assert index.notes[0].startswith("3 images in the top folder left out")
    assert len(index.ignored) == 3


def test_parts_that_hold_no_class_folders_are_not_classes(tmp_path: Path) -> None:
    (problem,) = index_folder(fill(tmp_path, {"train": 3, "test": 2})).problems

    assert problem.startswith("test/ and train/ hold images without class folders")
    assert counted(index_folder(tmp_path, given=read_parts(["train=."]))) == {"train/train": 3, "train/test": 2}


def test_a_part_beside_classes_is_not_a_class(tmp_path: Path) -> None:
    index = index_folder(fill(tmp_path, {"OK": 4, "NG": 3, "test": 5}))

    assert counted(index) == {"train/NG": 3, "train/OK": 4}
    assert index.notes[0].startswith("5 images in test/ left out, since no class folder or file name gives their class")


def test_a_part_beside_classes_with_the_same_classes_is_used(tmp_path: Path) -> None:
    index = index_folder(fill(tmp_path, {"OK": 4, "NG": 3, "val/OK": 1, "val/NG": 1}))

    assert counted(index) == {"train/NG": 3, "train/OK": 4, "validation/NG": 1, "validation/OK": 1}


def test_a_folder_without_classes_beside_the_parts_is_left_out(tmp_path: Path) -> None:
    index = index_folder(fill(tmp_path, {**TWO_PARTS, "pictures for the slides": 2}))

    assert counted(index) == TWO_PARTS
    assert index.notes[0].startswith("2 images in pictures for the slides/ left out")


def test_an_unlabelled_test_folder_is_left_out_and_a_fifth_is_tested(tmp_path: Path) -> None:
    fill(tmp_path / "pets", {"train/cat": 10, "train/dog": 10, "test": 7})
    dataset = load(str(tmp_path / "pets"), directories=directories(tmp_path))

    assert len(dataset.test_labels) == 4
    assert dataset.findings[0].text.startswith("7 images in test/ left out")


def test_vehicles_may_be_trains(tmp_path: Path) -> None:
    assert counted(index_folder(fill(tmp_path, {"bus": 2, "car": 3, "train": 2}))) == {
        "train/bus": 2,
        "train/car": 3,
        "train/train": 2,
    }


def test_trains_may_be_of_kinds(tmp_path: Path) -> None:
    assert counted(index_folder(fill(tmp_path, {"bus": 2, "car": 3, "train/steam": 2, "train/tram": 1}))) == {
        "train/bus": 2,
        "train/car": 3,
        "train/train": 3,
    }


def test_classes_that_differ_in_capitals_are_noted(tmp_path: Path) -> None:
    index = index_folder(fill(tmp_path, {"FOX": 2, "fox": 2}))

    assert index.notes == ("classes that differ only in capitals are different classes: FOX and fox",)


# --- names of arrays ---

NAMES = {
    "Keras": ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"),
    "capitals": ("X_train", "y_train", "X_valid", "y_valid", "X_test", "y_test"),
    "MedMNIST": ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
    "camel case": ("trainImages", "trainLabels", "validationImages", "validationLabels", "testImages", "testLabels"),
    "without train": ("images", "labels", "dev_images", "dev_labels", "holdout_images", "holdout_labels"),
}


def written(tmp_path: Path, **arrays: np.ndarray) -> Path:
    np.savez(tmp_path / "own.npz", **arrays)
    return tmp_path / "own.npz"


def parts_of(arrays: ImageArrays) -> dict[str, int]:
    return {part: len(labels) for part, (_, labels) in arrays.parts.items()}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
def test_arrays_are_found_by_their_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    values = (IMAGES[:6], LABELS[:6], IMAGES[6:9], LABELS[6:9], IMAGES[9:], LABELS[9:])
    arrays = read_npz(written(tmp_path, **dict(zip(names, values, strict=True))))

    assert parts_of(arrays) == {"train": 6, "validation": 3, "test": 3}


def test_a_validation_part_of_arrays_validates(tmp_path: Path) -> None:
    path = written(tmp_path, x_train=IMAGES[:9], y_train=LABELS[:9], x_val=IMAGES[9:], y_val=LABELS[9:])
    dataset = load(str(path), directories=directories(tmp_path))

    assert dataset.given_validation is not None
    assert (dataset.images[dataset.given_validation][..., 0] == IMAGES[9:]).all()
    assert dataset.labels[dataset.given_validation].tolist() == LABELS[9:].tolist()


def test_two_nameless_arrays_are_images_and_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", IMAGES, LABELS)

    assert parts_of(read_npz(tmp_path / "own.npz")) == {"train": 12}


def test_nameless_arrays_that_may_be_anything_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", IMAGES, LABELS, IMAGES, LABELS)

    with pytest.raises(DataError, match="holds arr_0, arr_1, arr_2, arr_3; expected x_train and y_train"):
        read_npz(tmp_path / "own.npz")


def test_arrays_that_are_not_used_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:2], ids=LABELS, y_spare=LABELS)

    assert [finding.text for finding in read_npz(path).findings] == [
        "without labels, so not used: x_test",
        "arrays that are not used: ids, y_spare",
    ]


def test_labels_may_be_text(tmp_path: Path) -> None:
    words = np.array(["zero", "one", "two"])[LABELS]
    arrays = read_npz(written(tmp_path, x_train=IMAGES, y_train=words, x_test=IMAGES[:2], y_test=words[:2]))

    assert (arrays.classes, arrays.labels[:3].tolist(), arrays.test[1].tolist()) == (  # type: ignore[index]
        ("one", "two", "zero"),
        [2, 0, 1],
        [2, 0],
    )


def test_classes_of_whole_numbers_are_in_their_order(tmp_path: Path) -> None:
    arrays = read_npz(written(tmp_path, x_train=IMAGES, y_train=np.array([-1, 2, 10])[LABELS]))

    assert arrays.classes == ("-1", "2", "10")


# --- CSV ---


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five images each of three classes, in the folder that the test works in."""
    return fill(tmp_path, {f"photos/{label}": 5 for label in ("cat", "dog", "fox")})


def lines(form: str, *, split: bool = False) -> list[str]:
    """One line of a table for each image: `form` with its path, label and number."""
    return [
        form.format(path=f"photos/{label}/{number}.png", label=label, number=number)
        for label in ("cat", "dog", "fox")
        for number in range(5)
    ]


FORMS = {
    "label first": ("label,path", "{label},{path}"),
    "other words": ("class,filename", "{label},{path}"),
    "capitals and spaces": ("Image Path , Label", "{path} , {label}"),
    "an index": (",path,label", "{number},{path},{label}"),
    "more columns": ("width,path,height,label,split", "64,{path},48,{label},train"),
    "semicolons": ("file;target", "{path};{label}"),
    "tabs": ("image\tlabel", "{path}\t{label}"),
    "quotes": ('"path","label"', '"{path}","{label}"'),
    "identifiers": ("image_id,class", "{path},{label}"),
    "an identifier beside the path": ("id,path,label", "{number},{path},{label}"),
    "dots before": ("path,label", "./{path},{label}"),
}


@pytest.mark.parametrize(("header", "form"), FORMS.values(), ids=FORMS.keys())
def test_columns_are_found_by_their_names(photos: Path, header: str, form: str) -> None:
    (photos / "list.csv").write_text("\n".join([header, *lines(form)]))
    index = index_csv(photos / "list.csv")

    assert (counted(index), index.problems) == ({"train/cat": 5, "train/dog": 5, "train/fox": 5}, ())
    assert all(file.path.exists() for file in index.files)


def test_columns_that_are_not_used_are_named(photos: Path) -> None:
    (photos / "list.csv").write_text("\n".join([",path,width,label", *lines("{number},{path},12,{label}")]))

    assert index_csv(photos / "list.csv").notes == ("columns that are not used: one without a name, width",)


ENCODINGS = {
    "UTF-8": "utf-8",
    "UTF-8 with a mark": "utf-8-sig",
    "UTF-16": "utf-16",
    "Windows": "cp1252",
}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark(photos: Path, encoding: str) -> None:
    (photos / "list.csv").write_bytes("\n".join(["path,label", *lines("{path},{label}")]).encode(encoding))

    assert index_csv(photos / "list.csv").classes == ("cat", "dog", "fox")


def test_a_line_for_excel_names_the_delimiter(photos: Path) -> None:
    (photos / "list.csv").write_text("\r\n".join(["sep=|", "path|label", *lines("{path}|{label}")]))
    assert index_csv(photos / "list.csv").classes == ("cat", "dog", "fox")

    (photos / "list.csv").write_text("\r\n".join(["sep=;", "path;label", *lines("{path};{label}"), "x.png;"]))
    with pytest.raises(DataError, match="line 18: a path and a label are needed"):
        index_csv(photos / "list.csv")


def test_a_table_may_be_called_tsv(photos: Path) -> None:
    (photos / "list.tsv").write_text("\n".join(["path\tlabel", *lines("{path}\t{label}")]))

    assert len(load(str(photos / "list.tsv"), directories=directories(photos)).labels) == 12


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_encodings(photos: Path, encoding: str) -> None:
    text = "\r\n".join(["path,label", *lines("{path},{label}")]).replace(",cat", ",größe")
    (photos / "list.csv").write_bytes(text.encode(encoding))

    assert index_csv(photos / "list.csv").classes == ("dog", "fox", "größe")


def test_utf_16_of_the_other_order(photos: Path) -> None:
    text = "\n".join(["path,label", *lines("{path},{label}")])
    (photos / "list.csv").write_bytes(codecs.BOM_UTF16_BE + text.encode("utf-16-be"))

    assert index_csv(photos / "list.csv").classes == ("cat", "dog", "fox")


def test_paths_may_have_backslashes(photos: Path) -> None:
    text = "\n".join(["path,label", *lines("{path},{label}")]).replace("/", "\\")
    (photos / "list.csv").write_text(text)

    assert all(file.path.exists() for file in index_csv(photos / "list.csv").files)


def test_paths_may_be_relative_to_the_working_folder(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos)
    (photos / "lists").mkdir()
    (photos / "lists" / "list.csv").write_text("\n".join(["path,label", *lines("{path},{label}")]))

    assert all(file.path.exists() for file in index_csv(Path("lists/list.csv")).files)


def test_paths_may_lack_their_ending(photos: Path) -> None:
    (photos / "list.csv").write_text(
        "\n".join(["id,label", *lines("{path},{label}")]).replace(".png", "").replace("id,", "image,")
    )

    assert {file.path.suffix for file in index_csv(photos / "list.csv").files} == {".png"}


def test_files_that_are_not_there_are_told_with_the_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "list.csv").write_text("path,label\na.png,cat\nb.png,dog\n")

    with pytest.raises(
        DataError, match="none of the 2 files exists; the first was looked for at .*lists/a.png and /.*/a.png"
    ):
        load(str(tmp_path / "lists" / "list.csv"), directories=directories(tmp_path))


def test_files_that_are_partly_not_there_are_told_with_the_places(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    text = "\n".join(["path,label", *lines("{path},{label}"), "gone/a.png,cat", "gone/b.png,dog"])
    (photos / "list.csv").write_text(text)
    missing = (
        f"2 of the 17 files do not exist; the first was looked for at {photos}/gone/a.png and {Path.cwd()}/gone/a.png"
    )

    with pytest.raises(DataError) as error:
        load(str(photos / "list.csv"), directories=directories(photos))
    assert str(error.value).splitlines() == [
        "2 of 17 files are not readable images; --skip-bad leaves them out",
        "  gone/a.png: no such file",
        "  gone/b.png: no such file",
        missing,
    ]
    assert missing in check(str(photos / "list.csv"), directories=directories(photos)).problems
    assert check(str(photos / "list.csv"), directories=directories(photos), skip_bad=True).is_fit


LABEL_NOTES = {
    "missing values": ("NaN", "labels that look like missing values are classes (images): NaN (5)"),
    "several labels": ("dog|fox", "labels that look like several are one class each: dog|fox"),
    "several new labels": ("owl;bee", "labels that look like several are one class each: owl;bee"),
    "several words": ("dog fox", "labels that look like several are one class each: dog fox"),
    "a list": ("['owl' 'bee'|'dog']", "labels that look like several are one class each: ['owl' 'bee'|'dog']"),
    "capitals": ("FOX", "classes that differ only in capitals are different classes: FOX and fox"),
}
NO_NOTE = ("a dog", "fox terrier", "dog-fox", "nano")


@pytest.mark.parametrize("label", NO_NOTE)
def test_ordinary_labels_are_not_noted(photos: Path, label: str) -> None:
    (photos / "list.csv").write_text("\n".join(["path,label", *lines("{path},{label}")]).replace(",cat", f",{label}"))

    assert index_csv(photos / "list.csv").notes == ()


@pytest.mark.parametrize(("label", "note"), LABEL_NOTES.values(), ids=LABEL_NOTES.keys())
@pytest.mark.parametrize("form", ["npz", "folder"])
def test_labels_are_noted_in_every_form(tmp_path: Path, label: str, note: str, form: str) -> None:
    labels = ["dog", "fox", label]
    if form == "npz":
        path = written(tmp_path, x_train=np.tile(IMAGES[:5], (3, 1, 1)), y_train=np.repeat(labels, 5))
        assert [finding.text for finding in read_npz(path).findings] == [note]
    else:
        assert index_folder(fill(tmp_path, dict.fromkeys(labels, 5))).notes == (note,)


@pytest.mark.parametrize(("label", "note"), LABEL_NOTES.values(), ids=LABEL_NOTES.keys())
def test_labels_that_may_be_a_mistake_are_noted(photos: Path, label: str, note: str) -> None:
    (photos / "list.csv").write_text("\n".join(["path,label", *lines("{path},{label}")]).replace(",cat", f",{label}"))

    assert index_csv(photos / "list.csv").notes == (note,)


def test_splits_of_other_names_may_be_given(photos: Path) -> None:
    text = "\n".join(["path,label,fold", *lines("{path},{label},{number}")])
    (photos / "list.csv").write_text(text.replace("fold", "split"))

    with pytest.raises(DataError, match="split is '0'; expected train, val, test, or for example --parts train=0"):
        index_csv(photos / "list.csv")
    given = read_parts(["train=0", "train=1", "train=2", "val=3", "test=4"])
    assert counted(index_csv(photos / "list.csv", given=given)) == {
        f"{part}/{label}": count
        for label in ("cat", "dog", "fox")
        for part, count in (("train", 3), ("validation", 1), ("test", 1))
    }
    with pytest.raises(UsageError, match="invalid --parts '7': expected a split in .*: 0, 1, 2, 3, 4"):
        index_csv(photos / "list.csv", given=read_parts(["train=7"]))


def test_the_check_notes_what_a_search_notes(photos: Path) -> None:
    (photos / "list.csv").write_text("\n".join(["path,width,label", *lines("{path},12,{label}")]))
    found = check(str(photos / "list.csv"), directories=directories(photos))
    dataset = load(str(photos / "list.csv"), directories=directories(photos))

    noted = [finding.text for finding in dataset.findings]
    assert (noted, [note for note in found.oddities if note in noted]) == (["columns that are not used: width"], noted)


def test_pictures_without_folders_are_named(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.png", number)
    index = index_folder(tmp_path)

    assert index.problems[0].startswith("no image with a class: a folder for each class is needed")
    assert index.notes[0].startswith("3 images in the top folder left out")
