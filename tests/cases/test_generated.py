"""Data sets of generated layouts, encodings, ranges, copies and labels are read as an independent reader reads them."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from objectives.data.checks.check import check
from objectives.data.loading import load
from objectives.data.records import Dataset
from objectives.data.splitting import split
from search import run
from tests.objectives.data.pictures import directories

SIDE = 6
RANGES: dict[str, tuple[type, float, float]] = {
    "bytes": (np.uint8, 0, 255),
    "bits": (np.uint8, 0, 1),
    "booleans": (np.bool_, 0, 1),
    "ten bits": (np.uint16, 0, 1023),
    "twelve bits": (np.uint16, 0, 4095),
    "sixteen bits": (np.uint16, 0, 65535),
    "floats 0..16": (np.float32, 0, 16),
    "floats 0..1": (np.float32, 0, 1),
    "floats 0..255": (np.float32, 0, 255),
    "floats -1..1": (np.float32, -1, 1),
}
WORDS = {
    "train": ("train", "Training", "seg_train"),
    "validation": ("val", "valid", "Validation", "dev"),
    "test": ("test", "Testing", "my_test_set"),
}
LABELS = (("cat", "dog", "owl"), ("1", "2", "10"), ("größe", "猫", "fox"), ("a b", "c-d", "e.f"))


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a data set is written."""

    kind: str
    layout: str
    range_: str
    mixed: bool
    """Whether every other image file has 8 bits."""
    labels: tuple[str, ...]
    parts: tuple[str, ...]
    each: int
    copies: int
    words: dict[str, str]
    delimiter: str
    columns: tuple[str, str, str]
    label_first: bool
    more_columns: bool
    encoding: str
    backslashes: bool
    endings: bool
    label_kind: str
    array_names: tuple[str, str]
    overshoot: float
    seed: int


FORMS = st.builds(
    Form,
    kind=st.sampled_from(["folder", "csv", "npz"]),
    layout=st.sampled_from(["classes in parts", "parts in classes", "wrapped"]),
    range_=st.sampled_from(sorted(RANGES)),
    mixed=st.booleans(),
    labels=st.sampled_from(LABELS),
    parts=st.sampled_from([("train",), ("train", "test"), ("train", "validation"), ("train", "validation", "test")]),
    each=st.integers(4, 7),
    copies=st.integers(0, 3),
    words=st.fixed_dictionaries({part: st.sampled_from(words) for part, words in WORDS.items()}),
    delimiter=st.sampled_from([",", ";", "\t"]),
    columns=st.tuples(
        st.sampled_from(["path", "file", "Filename", "image"]),
        st.sampled_from(["label", "Class", "target"]),
        st.just("split"),
    ),
    label_first=st.booleans(),
    more_columns=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    backslashes=st.booleans(),
    endings=st.booleans(),
    label_kind=st.sampled_from(["text", "whole", "column", "one-hot"]),
    array_names=st.sampled_from([("x_{}", "y_{}"), ("X_{}", "y_{}"), ("{}_images", "{}_labels")]),
    overshoot=st.sampled_from([0.0, 0.01, 0.1]),
    seed=st.integers(0, 2**32 - 1),
)


def stored_images(form: Form, count: int) -> np.ndarray:
    """Images that are black somewhere and white somewhere, in the range and type of the form."""
    kind, low, high = RANGES[form.range_]
    values = np.random.default_rng(form.seed).random((count, SIDE, SIDE))
    values[:, 0, :2] = 0, 1
    values = low + values * (high - low)
    if kind is np.float32:
        values[0, 0, 1] += 0 if high == 16 else form.overshoot * (high - low)
        return values.astype(kind)
    return np.rint(values).astype(kind)


def as_file(form: Form, image: np.ndarray, number: int) -> np.ndarray:
    """The pixels of an image file: as stored, or of every other file in 8 bits."""
    is_other = form.mixed and number % 2 and form.range_ not in ("bytes", "bits")
    return meant(form, image).astype(np.uint8) if is_other else image


def meant(form: Form, stored: np.ndarray) -> np.ndarray:
    """What stored images mean, from black 0 to white 255."""
    kind, low, high = RANGES[form.range_]
    if stored.dtype == np.uint8 and kind is not np.uint8:
        low, high = 0, 255
    return np.rint(np.clip((stored.astype(np.float64) - low) / (high - low), 0, 1) * 255)


def write(form: Form, root: Path) -> Path:
    """Write the data set; returns what --data names."""
    count = len(form.parts) * len(form.labels) * form.each
    images = stored_images(form, count)
    part_of = np.repeat(np.arange(len(form.parts)), count // len(form.parts))
    label_of = np.arange(count) % len(form.labels)
    rows = np.concatenate([np.arange(count), np.flatnonzero(part_of == 0)[: form.copies]])  # copies within train
    return {"folder": _write_folder, "csv": _write_csv, "npz": _write_npz}[form.kind](
        form, root, images[rows], label_of[rows], part_of[rows]
    )


def _save(image: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def _ending(form: Form) -> str:
    return ".tif" if RANGES[form.range_][0] is np.float32 else ".png"


def _write_folder(form: Form, root: Path, images: np.ndarray, labels: np.ndarray, parts: np.ndarray) -> Path:
    for number, (image, label, part) in enumerate(zip(images, labels, parts, strict=True)):
        words = [form.words[form.parts[part]], form.labels[label]]
        words = words[1:] if len(form.parts) == 1 else words[::-1] if form.layout == "parts in classes" else words
        folder = root.joinpath("own", *(["wrapper"] if form.layout == "wrapped" else []), *words)
        _save(as_file(form, image, number), folder / f"{number:03}{_ending(form)}")
    return root / "own"


def _write_csv(form: Form, root: Path, images: np.ndarray, labels: np.ndarray, parts: np.ndarray) -> Path:
    lines = []
    for number, (image, label, part) in enumerate(zip(images, labels, parts, strict=True)):
        _save(as_file(form, image, number), root / "all" / f"{number:03}{_ending(form)}")
        name = f"all/{number:03}{_ending(form) if form.endings else ''}"
        cells = [name.replace("/", "\\") if form.backslashes else name, form.labels[label]]
        cells = cells[::-1] if form.label_first else cells
        lines.append([*cells, form.words[form.parts[part]], *(["7", "x"] if form.more_columns else [])])
    path, label_column, split_column = form.columns
    header = [label_column, path] if form.label_first else [path, label_column]
    header += [split_column, *(["width", ""] if form.more_columns else [])]
    text = "\n".join(form.delimiter.join(cells) for cells in (header, *lines))
    (root / "own.csv").write_bytes(text.encode(form.encoding))
    return root / "own.csv"


def _write_npz(form: Form, root: Path, images: np.ndarray, labels: np.ndarray, parts: np.ndarray) -> Path:
    words = {"train": "train", "validation": "val", "test": "test"}
    arrays: dict[str, Any] = {}
    for position, part in enumerate(form.parts):
        rows = parts == position
        these = labels[rows]
        arrays[form.array_names[0].format(words[part])] = images[rows]
        arrays[form.array_names[1].format(words[part])] = {
            "text": np.array(form.labels)[these],
            "whole": these,
            "column": these[:, None],
            "one-hot": np.eye(len(form.labels))[these],
        }[form.label_kind]
    np.savez(root / "own.npz", **arrays)
    return root / "own.npz"


Content = dict[str, Counter[tuple[str, bytes]]]
"""By part: how often each label comes with each image."""


def read_independently(form: Form, data: Path) -> Content:
    """Read the data set with Pillow, pandas and NumPy."""
    found: Content = {part: Counter() for part in form.parts}

    def add(part: str, label: str, stored: np.ndarray) -> None:
        found[part][label, meant(form, stored).astype(np.uint8).tobytes()] += 1

    if form.kind == "folder":
        for file in sorted(data.rglob("*.*")):
            if file.is_file():
                words = [word for word in file.relative_to(data).parts[:-1] if word in form.labels]
                found_part = [part for part in form.parts if form.words[part] in file.relative_to(data).parts]
                add(found_part[0] if found_part else "train", words[0], np.asarray(Image.open(file)))
    elif form.kind == "csv":
        table = pd.read_csv(data, sep=form.delimiter, encoding=form.encoding, dtype=str)
        path, label, split_column = form.columns
        for name, text, word in zip(table[path], table[label], table[split_column], strict=True):
            part = next(part for part in form.parts if form.words[part] == word)
            place = data.parent / (name.replace("\\", "/") + ("" if form.endings else _ending(form)))
            add(part, text, np.asarray(Image.open(place)))
    else:
        with np.load(data) as arrays:
            for part, word in (("train", "train"), ("validation", "val"), ("test", "test")):
                if part not in form.parts:
                    continue
                labels = arrays[form.array_names[1].format(word)]
                labels = labels.argmax(axis=1) if form.label_kind == "one-hot" else labels.reshape(-1)
                for stored, label in zip(arrays[form.array_names[0].format(word)], labels, strict=True):
                    add(part, str(label), stored)
    return found


def content_of(dataset: Dataset) -> Content:
    """The content of a loaded data set, with the parts that Tamiz chose as parts."""
    chosen = split(dataset, seed=0)

    def count(images: np.ndarray, labels: np.ndarray) -> Counter[tuple[str, bytes]]:
        return Counter((dataset.classes[label], image.tobytes()) for image, label in zip(images, labels, strict=True))

    return {
        "train": count(dataset.images[chosen.train], dataset.labels[chosen.train]),
        "validation": count(dataset.images[chosen.validation], dataset.labels[chosen.validation]),
        "test": count(dataset.test_images, dataset.test_labels),
    }


def hold_to_account(form: Form) -> None:
    """Write, read in both ways, and compare."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "data"
        root.mkdir()
        data = write(form, root)
        expected = read_independently(form, data)
        at = directories(Path(place))
        found = content_of(load(str(data), directories=at, image_size=SIDE))
        assert check(str(data), directories=at).is_fit
        for part in form.parts[1:]:
            assert found[part] == expected[part]
        assert sum(found.values(), Counter()) == sum(expected.values(), Counter())
        images = [{image for _, image in part} for part in found.values()]
        assert sum(map(len, images)) == len(set.union(*images))  # no image is in two parts


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(FORMS)
def test_data_are_read_as_they_were_meant(form: Form) -> None:
    hold_to_account(form)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(FORMS)
def test_two_thousand_data_sets_are_read_as_they_were_meant(form: Form) -> None:
    hold_to_account(form)


SPACE = '''
"""One small convolution."""
from spaces.networks import ConvNet, Stage
from spaces.recipe import Fit, Recipe


def suggest(trial):
    """Choose a learning rate."""
    network = ConvNet(stages=(Stage(filters=4, convolutions=1),), kernel=3)
    return Recipe(network=network, fit=Fit(learning_rate=trial.suggest_float("rate", 0.001, 0.01)))
'''


def train(form: Form) -> None:
    """Search on data that the check calls fit, one epoch of one trial, and compare what was measured on."""
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAMIZ_CACHE", f"{place}/cache")
        root = Path(place) / "data"
        root.mkdir()
        data = write(form, root)
        (root / "tiny.py").write_text(SPACE.strip())
        assert check(str(data), directories=directories(Path(place))).is_fit
        result = run(
            space=root / "tiny.py",
            data=data,
            image_size=SIDE,
            trials=1,
            epochs=1,
            executor="inline",
            runs=Path(place) / "runs",
            quiet=True,
        )
        assert (result.summary.status, result.summary.trials.complete) == ("done", 1)
        count = Counter(part for part, content in read_independently(form, data).items() for _ in content.elements())
        used = result.summary.data
        assert used.train + used.validation + used.test == count.total()
        if "test" in form.parts:
            assert used.test == count["test"]


@pytest.mark.slow
@pytest.mark.promise
@settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate])
@given(FORMS)
def test_data_that_the_check_calls_fit_train(form: Form) -> None:
    train(form)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(max_examples=40, deadline=None, phases=[Phase.generate])
@given(FORMS)
def test_forty_data_sets_that_the_check_calls_fit_train(form: Form) -> None:
    train(form)
