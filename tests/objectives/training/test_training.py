"""A training learns, can be repeated to the last bit, and keeps its best epoch."""

from __future__ import annotations

import gc
import itertools
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from objectives.evaluation.metrics import measure
from objectives.evaluation.predicting import predict
from objectives.messages import EpochReport, Objective, StudyData, TrainingResult
from objectives.networks.registry import build
from objectives.training.failures import TrainingError
from objectives.training.training import Training
from spaces.recipe import Augment, ConvNet, Fit, Network, Recipe, Stage

pytestmark = pytest.mark.slow

SMALL = Recipe(
    network=ConvNet(stages=(Stage(filters=8, convolutions=1),), kernel=3), fit=Fit(learning_rate=0.01, batch_size=32)
)
EVERYTHING = Recipe(
    network=ConvNet(stages=(Stage(filters=4, convolutions=1),), kernel=3, batch_norm=True, dropout=0.1),
    fit=Fit(
        learning_rate=0.01,
        schedule="cosine",
        warmup=0.1,
        label_smoothing=0.1,
        class_weights="sqrt",
        weight_decay=1e-3,
        batch_size=100,
    ),
    augment=Augment(
        flip_horizontal=True, shift=0.1, rotation_degrees=10, zoom=0.1, brightness=0.1, contrast=0.1, mixup=0.2
    ),
)


def _training(
    data: StudyData, recipe: Recipe, epochs: int = 2, seed: int = 0, metric: str = "val_accuracy"
) -> Training:
    return Training(recipe=recipe, data=data, objective=Objective(metric=metric, epochs=epochs), seed=seed)


def _reports(data: StudyData, recipe: Recipe, epochs: int = 2, seed: int = 0) -> list[EpochReport]:
    training = _training(data, recipe, epochs, seed)
    return [training.advance() for _ in range(epochs)]


def _numbers(reports: list[EpochReport]) -> list[dict[str, float]]:
    return [dict(report.metrics) for report in reports]


@pytest.fixture(scope="module")
def finished(small_digits: StudyData) -> tuple[list[EpochReport], TrainingResult]:
    """Eight epochs on digits."""
    training = _training(small_digits, SMALL, epochs=8)
    return [training.advance() for _ in range(8)], training.finish(keep_model=True)


def test_it_learns_digits(finished: tuple[list[EpochReport], TrainingResult]) -> None:
    assert finished[1].score > 0.85


def test_epochs_count_from_one(finished: tuple[list[EpochReport], TrainingResult]) -> None:
    assert [report.epoch for report in finished[0]] == list(range(1, 9))


def test_the_score_is_the_objectives_metric(finished: tuple[list[EpochReport], TrainingResult]) -> None:
    assert all(report.score == report.metrics["val_accuracy"] for report in finished[0])


def test_the_result_is_that_of_the_best_epoch(finished: tuple[list[EpochReport], TrainingResult]) -> None:
    reports, result = finished
    best = max(reports, key=lambda report: report.score)

    assert (result.score, result.best_epoch) == (best.score, best.epoch)


def test_the_predictions_have_the_result_s_score(finished: tuple[list[EpochReport], TrainingResult]) -> None:
    _, result = finished

    assert measure(result.predictions.probabilities, result.predictions.labels)["val_accuracy"] == result.score


def test_the_predictions_name_their_images(
    finished: tuple[list[EpochReport], TrainingResult], small_digits: StudyData
) -> None:
    np.testing.assert_array_equal(finished[1].predictions.images, small_digits.validation.indices)


def test_the_saved_model_predicts_the_same(
    finished: tuple[list[EpochReport], TrainingResult], small_digits: StudyData
) -> None:
    assert finished[1].model is not None
    np.testing.assert_array_equal(
        predict(finished[1].model, small_digits.validation).probabilities, finished[1].predictions.probabilities
    )


def test_seconds_add_up(finished: tuple[list[EpochReport], TrainingResult]) -> None:
    reports, result = finished

    assert result.seconds_training == pytest.approx(sum(report.seconds for report in reports))


def test_the_best_epoch_by_loss_is_that_of_the_lowest_loss(small_digits: StudyData) -> None:
    training = _training(
        small_digits, replace(SMALL, fit=Fit(learning_rate=0.3, optimizer="adam")), 4, metric="val_loss"
    )
    losses = [training.advance().metrics["val_loss"] for _ in range(4)]

    assert training.finish(keep_model=False).score == min(losses)


def test_on_all_images_it_is_trained_on_those_that_validate(small_digits: StudyData) -> None:
    together = np.union1d(small_digits.train.indices, small_digits.validation.indices)
    expected = replace(small_digits, train=replace(small_digits.train, indices=together.astype(np.int32)))
    objective = Objective(metric="val_accuracy", epochs=2)
    training = Training(recipe=EVERYTHING, data=small_digits, objective=objective, seed=0, part="all")

    assert _numbers([training.advance() for _ in range(2)]) == _numbers(_reports(expected, EVERYTHING))


def test_on_all_images_the_last_epoch_is_kept_though_an_earlier_one_scores_higher(small_digits: StudyData) -> None:
    recipe = replace(SMALL, fit=Fit(learning_rate=0.05, batch_size=8))
    objective = Objective(metric="val_loss", epochs=6)
    training = Training(recipe=recipe, data=small_digits, objective=objective, seed=0, part="all")
    reports = [training.advance() for _ in range(6)]
    result = training.finish(keep_model=True)

    assert min(report.score for report in reports) < reports[-1].score
    assert (result.best_epoch, result.score) == (6, reports[-1].score)
    assert result.model is not None
    np.testing.assert_array_equal(
        predict(result.model, small_digits.validation).probabilities, result.predictions.probabilities
    )


def test_images_in_two_arrays_are_not_put_together(small_digits: StudyData) -> None:
    validation = replace(small_digits.validation, images=small_digits.validation.images.copy())

    with pytest.raises(ValueError, match="different arrays"):
        replace(small_digits, validation=validation).trained_on("all")


def test_a_model_that_nobody_asked_for_is_not_saved(small_digits: StudyData) -> None:
    training = _training(small_digits, SMALL)
    training.advance()

    assert training.finish(keep_model=False).model is None


def test_the_saved_model_needs_nothing_of_tamiz(small_digits: StudyData, tmp_path: Path) -> None:
    training = _training(small_digits, EVERYTHING)
    training.advance()
    path = tmp_path / "model.keras"
    path.write_bytes(training.finish(keep_model=True).model or b"")
    code = "import sys, keras; keras.models.load_model(sys.argv[1]).summary()"
    alone = subprocess.run(
        [sys.executable, "-c", code, path], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (alone.returncode, "augmentation" in alone.stdout) == (0, False), alone.stderr


@pytest.mark.parametrize("recipe", [SMALL, EVERYTHING], ids=["small", "everything"])
def test_a_warm_process_repeats_what_it_did_before(small_digits: StudyData, recipe: Recipe) -> None:
    first = _numbers(_reports(small_digits, recipe))
    _reports(small_digits, SMALL, epochs=1, seed=5)

    assert _numbers(_reports(small_digits, recipe)) == first


def test_another_seed_gives_other_numbers(small_digits: StudyData) -> None:
    assert _numbers(_reports(small_digits, SMALL, seed=1)) != _numbers(_reports(small_digits, SMALL, seed=2))


def test_a_huge_rate_diverges(small_digits: StudyData) -> None:
    recipe = replace(SMALL, fit=Fit(learning_rate=1e30, optimizer="sgd"))

    with pytest.raises(
        TrainingError, match=r"loss became (NaN|infinite) at epoch 1 \(learning_rate=1e\+30\)"
    ) as caught:
        _reports(small_digits, recipe)
    assert caught.value.failure.cause == "diverged"


def test_what_diverges_stops_at_that_batch(small_digits: StudyData) -> None:
    recipe = replace(SMALL, fit=Fit(learning_rate=1e30, optimizer="sgd", batch_size=16))
    batches = itertools.count()

    with pytest.raises(TrainingError, match="loss became"):
        _training(small_digits, recipe).advance(is_halted=lambda: next(batches) < 0)
    assert next(batches) <= 3  # of 20: the first loss is that of the weights before any step


@dataclass(frozen=True, kw_only=True)
class Traced(Network):
    """Flattens; counts how often it is traced."""


@dataclass(frozen=True, kw_only=True)
class Broken(Network):
    """Can't be built."""


class Counting(keras.layers.Layer):
    """Passes its input on."""

    traces = 0

    def call(self, x: Any) -> Any:
        Counting.traces += 1
        return x


@build.register
def _traced(network: Traced, images: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.Flatten()(Counting()(images))


@build.register
def _broken(network: Broken, images: keras.KerasTensor) -> keras.KerasTensor:
    raise ValueError("no kernel fits")


def test_a_builder_s_error_is_told(small_digits: StudyData) -> None:
    with pytest.raises(TrainingError, match="ValueError while building the network: no kernel fits"):
        _training(small_digits, replace(SMALL, network=Broken()))


def test_nothing_is_traced_after_the_first_epoch(small_digits: StudyData) -> None:
    fit = Fit(learning_rate=0.01, batch_size=100, schedule="cosine")  # 320 images: the last batch is smaller
    training = _training(small_digits, replace(SMALL, network=Traced(), fit=fit), epochs=4)
    training.advance()
    after_first = Counting.traces
    for _ in range(3):
        training.advance()

    assert Counting.traces == after_first > 0


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_a_training_that_is_over_leaves_no_graph(activation: str, small_digits: StudyData) -> None:
    network = ConvNet(stages=(Stage(filters=8, convolutions=1),), kernel=3, activation=activation)
    _reports(small_digits, SMALL)
    before = _graphs()
    _reports(small_digits, replace(SMALL, network=network))

    assert _graphs() == before


def _graphs() -> int:
    """Return how many of TensorFlow's graphs there are."""
    keras.utils.clear_session(free_memory=True)
    gc.collect()
    return sum(issubclass(type(thing), tf.__internal__.FuncGraph) for thing in gc.get_objects())


def test_epochs_one_by_one_are_those_of_a_single_fit(small_digits: StudyData) -> None:
    """Keras' own `fit` over three epochs, given the same batches, ends with the same numbers."""
    ours = _reports(small_digits, replace(SMALL, fit=Fit(learning_rate=0.01, batch_size=320)), epochs=3)
    train = small_digits.train
    training = _training(small_digits, replace(SMALL, fit=Fit(learning_rate=0.01, batch_size=320)), epochs=3)
    history = training._compiled.model.fit(
        train.images[train.indices], train.labels[train.indices], batch_size=320, epochs=3, shuffle=False, verbose=0
    ).history

    assert [report.metrics["loss"] for report in ours] == pytest.approx(history["loss"], rel=1e-4)


IN_A_PROCESS_OF_ITS_OWN = """
import json, sys, warnings
warnings.simplefilter("error", UserWarning)
folder, recipe, times, without_tensorflow = sys.argv[1:]
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(name, name=name)
if without_tensorflow == "True":
    sys.meta_path.insert(0, Nowhere())
from objectives.devices import prepare
prepare(threads=1, gpu=False)
from pathlib import Path
import numpy as np
from objectives.messages import Examples, Objective, StudyData
from objectives.training.training import Training
from spaces.recipe import Recipe
stored = np.load(Path(folder, "digits.npz"))
images, labels = stored["images"], stored["labels"]
data = StudyData(
    train=Examples(images=images, labels=labels, indices=stored["train"]),
    validation=Examples(images=images, labels=labels, indices=stored["validation"]),
    test=None,
    classes=tuple("0123456789"),
)
objective = Objective(metric="val_accuracy", epochs=2)
for _ in range(int(times)):
    training = Training(recipe=Recipe.from_json(recipe), data=data, objective=objective, seed=0)
    reports = [dict(training.advance().metrics) for _ in range(2)]
Path(folder, "model.keras").write_bytes(training.finish(keep_model=True).model)
print(json.dumps(reports))
"""


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What training EVERYTHING in a process of its own printed and left."""

    reports: list[dict[str, float]]
    model: bytes
    stderr: str


def _elsewhere(data: StudyData, folder: Path, *, backend: str, times: int) -> Elsewhere:
    train, validation = data.train, data.validation
    np.savez(
        folder / "digits.npz",
        images=train.images,
        labels=train.labels,
        train=train.indices,
        validation=validation.indices,
    )
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            IN_A_PROCESS_OF_ITS_OWN,
            *(str(folder), EVERYTHING.to_json(), str(times), str(backend != "tensorflow")),
        ],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return Elsewhere(reports=json.loads(ended.stdout), model=(folder / "model.keras").read_bytes(), stderr=ended.stderr)


@pytest.fixture(scope="module")
def fresh(small_digits: StudyData, tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    """A first training in a fresh process."""
    return _elsewhere(small_digits, tmp_path_factory.mktemp("fresh"), backend="tensorflow", times=1)


@pytest.fixture(scope="module")
def jax(small_digits: StudyData, tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    """A first training with JAX, where TensorFlow can't be imported."""
    pytest.importorskip("jax")
    return _elsewhere(small_digits, tmp_path_factory.mktemp("jax"), backend="jax", times=1)


def test_the_first_training_of_a_process_agrees_with_the_second_of_another(
    fresh: Elsewhere, small_digits: StudyData, tmp_path: Path
) -> None:
    assert _elsewhere(small_digits, tmp_path, backend="tensorflow", times=2).reports == fresh.reports


def test_a_worker_s_process_writes_nothing_of_its_own_on_the_terminal(fresh: Elsewhere) -> None:
    assert fresh.stderr == ""


def test_jax_trains_without_tensorflow(jax: Elsewhere) -> None:
    assert jax.reports[1]["loss"] < jax.reports[0]["loss"] < math.inf


def test_tensorflow_reads_a_model_that_jax_trained(jax: Elsewhere, small_digits: StudyData) -> None:
    found = predict(jax.model, small_digits.validation)

    assert measure(found.probabilities, found.labels) == pytest.approx(
        {name: jax.reports[_best(jax.reports)][name] for name in measure(found.probabilities, found.labels)}, abs=1e-4
    )


def _best(reports: list[dict[str, float]]) -> int:
    return max(range(len(reports)), key=lambda n: (reports[n]["val_accuracy"], -n))


def test_finish_needs_an_epoch(small_digits: StudyData) -> None:
    with pytest.raises(RuntimeError, match="call advance"):
        _training(small_digits, SMALL).finish(keep_model=False)
