"""The plain Keras script of a trial: no import of ours, the same images, the same network, the same training."""

from __future__ import annotations

import ast
import itertools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from objectives.data.directories import DataDirectories
from objectives.data.loading import load
from objectives.data.splitting import split
from objectives.evaluation.metrics import METRICS, measure
from reports.export.keras_script import keras_script
from reports.stored.records import DataRecord, RunRecord, TrialRecord
from spaces.errors import UsageError
from spaces.networks import Network
from spaces.recipe import MLP, Augment, ConvNet, Fit, ImageShape, Recipe, ResNet, Stage

DIGITS = DataRecord(
    name="digits",
    fingerprint="sha256:0",
    classes=tuple("0123456789"),
    train=1149,
    validation=288,
    test=360,
    height=8,
    width=8,
    channels=1,
    class_counts=(143,) * 10,
)
SMALL = ConvNet(stages=(Stage(filters=8, convolutions=1),), kernel=3)
FULL = ConvNet(
    stages=(Stage(filters=4, convolutions=2), Stage(filters=6, convolutions=1, pool=False)),
    kernel=5,
    padding="valid",
    activation="gelu",
    batch_norm=True,
    pooling="average",
    dropout=0.1,
    summary="max",
    dense_units=12,
    dense_dropout=0.3,
)
EVERYTHING = Recipe(
    network=SMALL,
    fit=Fit(
        learning_rate=0.01,
        optimizer="sgd",
        schedule="one_cycle",
        warmup=0.1,
        weight_decay=0.01,
        label_smoothing=0.1,
        class_weights="sqrt",
        batch_size=64,
    ),
    augment=Augment(
        flip_horizontal=True,
        flip_vertical=True,
        shift=0.1,
        rotation_degrees=10.0,
        zoom=0.1,
        shear=0.1,
        brightness=0.1,
        contrast=0.1,
        cutout=0.3,
        mixup=0.2,
    ),
)


def run(
    *, data: DataRecord = DIGITS, metric: str = "val_accuracy", train_images: int | None = None, typed: str = "digits"
) -> RunRecord:
    """Return a study of digits."""
    return RunRecord(
        schema=1,
        study="toy",
        space="toy",
        space_summary="",
        space_digest="",
        metric=metric,
        direction=METRICS[metric].direction,
        epochs=1,
        settings={"data": typed, "seed": 3, "resize": "stretch", "train_images": train_images},
        data=data,
        baselines={},
        versions={},
        command="run",
        created="",
    )


TRIAL = TrialRecord(
    schema=1,
    trial=7,
    state="COMPLETE",
    score=0.9,
    best_epoch=1,
    epochs=1,
    params={},
    baseline=None,
    parameters=10,
    seconds_building=0.1,
    seconds_training=0.1,
    seed=5,
    attempt=1,
    worker="0",
    started="",
    ended="",
)


def recipe(network: Network = SMALL, *, pixels: str = "unit", output: str = "softmax") -> Recipe:
    """Return a plain way to train a network."""
    return Recipe(network=network, fit=Fit(learning_rate=0.003, batch_size=64), pixels=pixels, output=output)


def names_of(script: str) -> dict[str, Any]:
    """Execute a script without its `main`; return its names."""
    names: dict[str, Any] = {"__name__": "train"}
    exec(compile(script, "train.py", "exec"), names)
    return names


class Foreign(Network):
    """A person's own type."""


class Pretrained(Network):
    """A type that starts from weights of another training."""

    starts_pretrained: ClassVar[bool] = True


def test_a_script_imports_nothing_of_ours() -> None:
    tree = ast.parse(keras_script(run(), TRIAL, EVERYTHING))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names} | {
        str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }

    assert imported == {"json", "keras", "numpy", "sklearn.datasets"}


def test_a_script_shifts_by_whole_pixels_as_the_search_does() -> None:
    script = keras_script(run(), TRIAL, EVERYTHING)

    assert 'RandomTranslation(0.1, 0.1, fill_mode="nearest", interpolation="nearest")' in script


def test_every_script_is_clean_python(tmp_path: Path) -> None:
    recipes = [recipe(), EVERYTHING, recipe(ResNet(blocks=1, filters=4)), recipe(MLP(units=(9,)))]
    for number, (metric, data, chosen) in enumerate(itertools.product(METRICS, ("digits", "cifar10", "pets"), recipes)):
        about = replace(DIGITS, name=data, height=32, width=32, channels=3 if data == "cifar10" else 1)
        script = keras_script(run(data=about, metric=metric, typed=data), TRIAL, chosen)
        (tmp_path / f"train{number}.py").write_text(script)
    check = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", "-q", tmp_path]

    assert subprocess.run(check, capture_output=True, text=True, check=False).stdout == ""


def test_hostile_names_stay_data() -> None:
    hostile = ('"]; import os', "'''", '"""', "\\", "{{ 7*7 }}", "\ud800", "\u2028", "new\nline", "naïve", "日本")
    script = keras_script(run(data=replace(DIGITS, classes=hostile)), TRIAL, recipe())
    (listed,) = [node.value for node in ast.parse(script).body if isinstance(node, ast.Assign)][:1]

    assert tuple(ast.literal_eval(listed)) == hostile


def test_a_hostile_study_stays_in_its_docstring() -> None:
    script = keras_script(replace(run(), study='"""; import os; """'), TRIAL, recipe())

    assert "import os" not in {ast.unparse(node) for node in ast.walk(ast.parse(script)) if isinstance(node, ast.stmt)}


def test_a_pretrained_network_starts_from_the_model_beside_the_script() -> None:
    script = keras_script(run(), TRIAL, recipe(Pretrained(), pixels="raw"))

    ast.parse(script)
    assert 'keras.models.load_model(Path(__file__).with_name("model.keras"), compile=False)' in script


def test_a_trial_without_a_score_is_refused() -> None:
    failed = replace(TRIAL, score=None, message="loss became NaN")
    with pytest.raises(UsageError, match=r"trial 7 has no score: loss became NaN; choose another"):
        keras_script(run(), failed, recipe())


def test_a_network_without_words_needs_its_json() -> None:
    with pytest.raises(UsageError, match="a Foreign can't be written as a script without its Keras model"):
        keras_script(run(), TRIAL, recipe(Foreign()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chosen", "classes"),
    [
        (recipe(FULL), 10),
        (recipe(replace(FULL, batch_norm=False, padding="same", summary="average"), pixels="symmetric"), 10),
        (recipe(ConvNet(stages=(Stage(filters=2, convolutions=1),) * 5, kernel=3, padding="valid"), pixels="raw"), 10),
        (recipe(MLP(units=(20, 10), batch_norm=True, dropout=0.2)), 10),
        (recipe(MLP(units=())), 10),
        (recipe(ResNet(blocks=2, filters=4, dropout=0.1)), 10),
        (recipe(ResNet(blocks=1, filters=4, preactivation=True)), 10),
        (recipe(SMALL, output="sigmoid"), 2),
    ],
    ids=["convolutional", "symmetric", "deep", "mlp", "linear", "resnet", "preactivated", "sigmoid"],
)
def test_a_script_builds_the_network_of_the_search(chosen: Recipe, classes: int) -> None:
    from objectives.networks.assemble import assemble

    about = replace(DIGITS, classes=tuple("0123456789")[:classes])
    theirs = names_of(keras_script(run(data=about), TRIAL, chosen))["build"]()
    ours = assemble(chosen, images=ImageShape(height=8, width=8, channels=1), classes=classes)

    assert _layers(theirs) == _layers(ours)


def _layers(model: Any) -> list[tuple[str, tuple[int, ...], dict[str, Any]]]:
    """Return kind, output and settings of each layer, without names."""
    told = []
    for layer in model.layers:
        settings = {key: value for key, value in layer.get_config().items() if key not in ("name", "dtype")}
        told.append((type(layer).__name__, tuple(layer.output.shape[1:]), settings))
    return sorted(told, key=str)


@pytest.mark.slow
def test_a_network_without_words_is_built_from_its_json() -> None:
    from objectives.networks.assemble import assemble

    ours = assemble(recipe(FULL), images=ImageShape(height=8, width=8, channels=1), classes=10)
    script = keras_script(run(), TRIAL, recipe(Foreign()), network_json=ours.to_json())

    assert _layers(names_of(script)["build"]()) == _layers(ours)


@pytest.mark.slow
@pytest.mark.parametrize("train_images", [None, 200])
def test_a_script_makes_the_split_of_the_search(train_images: int | None) -> None:
    dataset = load("digits", directories=DataDirectories.from_environment())
    chosen = split(dataset, seed=3, train_images=train_images)
    script = names_of(keras_script(run(train_images=train_images), TRIAL, recipe()))
    train, validation, test = script["split"](script["load"]())

    for (images, labels), rows in ((train, chosen.train), (validation, chosen.validation)):
        np.testing.assert_array_equal(images, dataset.images[rows])
        np.testing.assert_array_equal(labels, dataset.labels[rows])
    np.testing.assert_array_equal(test[0], dataset.test_images)


LAYOUTS = {
    "no parts": "{name}/{number}.png",
    "parts": "{part}/{name}/{number}.png",
    "parts, wrapped": "pets-master/seg_{part}/seg_{part}/{name}/deep/{number}.png",
    "only a test folder is named": "pets{of_test}/{name}/{number}.png",
    "classes in file names": "{part}{of_train}/{name}_{number}.png",
}


@pytest.mark.slow
@pytest.mark.parametrize("parts", [("train", "test"), ("train", "val", "test")], ids=len)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_script_reads_a_folder_as_the_search_does(tmp_path: Path, layout: str, parts: tuple[str, ...]) -> None:
    for part in parts if layout.startswith(("parts", "classes")) else (parts[0], parts[-1]):
        for name in ("cat", "big cat", "dog"):
            of = {"of_train": f"/{name}" if part == "train" else "", "of_test": "_testset" if part == "test" else ""}
            for number in range(12):
                image(tmp_path / "pets" / LAYOUTS[layout].format(part=part, name=name, number=number, **of))
    (tmp_path / "pets" / "notes.txt").write_text("no image")
    same_images(tmp_path / "pets", classes=3)


GIVEN = {
    "parts": ("train=monday", "train=tuesday", "test=wednesday"),
    "a validation part": ("train=monday", "val=tuesday", "test=wednesday"),
    "classes": ("train=.",),
}


@pytest.mark.parametrize("parts", GIVEN.values(), ids=GIVEN.keys())
def test_a_script_reads_the_parts_that_were_given(tmp_path: Path, parts: tuple[str, ...]) -> None:
    for day in ("monday", "tuesday", "wednesday"):
        for number in range(12):
            image(tmp_path / "pets" / day / ("cat", "dog")[number % 2] / f"{number}.png")
    same_images(tmp_path / "pets", classes=3 if len(parts) == 1 else 2, parts=parts)


def test_a_script_reads_the_splits_that_were_given(tmp_path: Path) -> None:
    lines = ["path,label,split"]
    for number in range(36):
        image(tmp_path / "all" / f"{number}.png")
        lines.append(f"all/{number}.png,{('cat', 'dog')[number % 2]},{number // 2 % 5}")
    (tmp_path / "pets.csv").write_text("\n".join(lines))
    same_images(tmp_path / "pets.csv", classes=2, parts=("train=0", "train=1", "train=2", "val=3", "test=4"))


@pytest.mark.slow
@pytest.mark.parametrize("splits", ["", "train,test", "train,valid,test"])
def test_a_script_reads_a_csv_as_the_search_does(tmp_path: Path, splits: str) -> None:
    lines = ["path,label,split" if splits else "path,label"]
    for number in range(36):
        image(tmp_path / "all" / f"{number}.png")
        split = f",{splits.split(',')[number // 2 % len(splits.split(','))]}" if splits else ""
        lines.append(f"all/{number}.png, {('cat', 'dog')[number % 2]}{split}")
    (tmp_path / "pets.csv").write_text("\n".join(lines) + "\n")
    same_images(tmp_path / "pets.csv", classes=2)


LEVELS = np.random.default_rng(0).integers(0, 256, (36, 8, 8, 3))
STORED = {
    "bytes": LEVELS.astype(np.uint8),
    "ten bits": (LEVELS * 4).astype(np.uint16),
    "floats just above one": LEVELS / 255 * 1.05,
    "floats from -1 to 1": LEVELS / 127.5 - 1,
    "zeros and ones": (LEVELS > 127).astype(np.uint8),
}


@pytest.mark.parametrize("names", [("x_{}", "y_{}"), ("{}_images", "{}_labels")], ids=["Keras", "MedMNIST"])
@pytest.mark.parametrize("stored", STORED.values(), ids=STORED.keys())
def test_a_script_reads_arrays_as_the_search_does(tmp_path: Path, stored: np.ndarray, names: tuple[str, str]) -> None:
    parts = {"train": slice(0, 20), "val": slice(20, 28), "test": slice(28, 36)}
    labels = np.arange(36) % 2 + 4
    arrays = {names[0].format(part): stored[rows] for part, rows in parts.items()}
    np.savez(tmp_path / "own.npz", **arrays, **{names[1].format(part): labels[rows] for part, rows in parts.items()})
    same_images(tmp_path / "own.npz", classes=2)


def test_a_script_reads_a_folder_s_pixel_values_as_the_search_does(tmp_path: Path) -> None:
    for number, pixels in enumerate((LEVELS[..., 0] * 4).astype(np.uint16)):
        folder = tmp_path / "pets" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    same_images(tmp_path / "pets", classes=2)


def test_a_script_that_finds_no_images_says_so(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    script = names_of(keras_script(run(typed="pets"), TRIAL, recipe()))
    with pytest.raises(SystemExit, match="no images of the classes 0, 1, 2"):
        script["load"](tmp_path)


def image(path: Path) -> None:
    """Write one that differs from all others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(list(str(path).encode()))
    Image.fromarray(random.integers(0, 256, (9, 7, 3), dtype=np.uint8)).save(path)


def same_images(data: Path, *, classes: int, parts: tuple[str, ...] = ()) -> None:
    """Hold what a script splits data into against what the search does."""
    dataset = load(str(data), directories=DataDirectories.from_environment(), image_size=8, parts=parts)
    chosen = split(dataset, seed=3)
    ranges, channels = dataset.pixel_ranges, dataset.shape.channels
    about = replace(DIGITS, name="pets", classes=dataset.classes, channels=channels, pixel_ranges=ranges)
    about_run = run(data=about, typed=str(data))
    about_run = replace(about_run, settings={**about_run.settings, "parts": parts or None})
    script = names_of(keras_script(about_run, TRIAL, recipe()))
    found = script["split"](script["load"](data))
    expected = (
        (dataset.images[chosen.train], dataset.labels[chosen.train]),
        (dataset.images[chosen.validation], dataset.labels[chosen.validation]),
        (dataset.test_images, dataset.test_labels),
    )

    assert len(dataset.classes) == classes
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
def test_a_script_scores_as_the_search_does(metric: str) -> None:
    random = np.random.default_rng(0)
    probabilities, labels = random.dirichlet(np.ones(10), 200), random.integers(0, 9, 200)  # none of the last class
    script = names_of(keras_script(run(metric=metric), TRIAL, recipe()))

    assert script["score"](probabilities, labels) == pytest.approx(measure(probabilities, labels)[metric])


@pytest.mark.slow
@pytest.mark.parametrize("curve", ["constant", "cosine", "one_cycle", "step"])
def test_a_script_has_the_rates_of_the_search(curve: str) -> None:
    from objectives.training.optimizers import Schedule

    fit = Fit(learning_rate=0.1, schedule=curve, warmup=0.2)
    script = names_of(keras_script(run(), TRIAL, Recipe(network=SMALL, fit=fit)))
    theirs = script["Schedule"](0.1, rising=10, steps=50)
    ours = Schedule(peak=0.1, curve=curve, rise=0.2, steps=50)

    assert [float(theirs(step)) for step in range(50)] == pytest.approx([float(ours(step)) for step in range(50)])


@pytest.mark.slow
def test_a_script_with_everything_runs(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(keras_script(run(train_images=200), TRIAL, EVERYTHING))
    ended = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280
    )

    assert (ended.returncode, ended.stderr[-2000:] if ended.returncode else "") == (0, "")
    assert (tmp_path / "retrained.keras").is_file()


@pytest.mark.slow
def test_a_script_corrects_running_averages_as_the_search_did(tmp_path: Path) -> None:
    network = ConvNet(stages=tuple(Stage(filters=f, convolutions=2) for f in (16, 32)), kernel=3, batch_norm=True)
    about = run(train_images=400)
    scores = []
    for corrects in (False, True):
        folder = tmp_path / str(corrects)
        folder.mkdir()
        script = keras_script(replace(about, corrects_averages=corrects), TRIAL, recipe(network))
        (folder / "train.py").write_text(script)
        ended = subprocess.run([sys.executable, "train.py"], cwd=folder, capture_output=True, text=True, check=True)
        scores.append(json.loads(ended.stdout.splitlines()[-1])["val_accuracy"])

    assert scores[1] > scores[0] + 0.2
