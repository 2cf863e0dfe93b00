"""Studies side by side: the paired test, the classes, the refusal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from objectives.evaluation.metrics import METRICS
from objectives.files.predictions import load
from objectives.messages import Predictions
from reports.findings.comparison import compare
from reports.stored.read import read_run
from reports.stored.run import Run
from search.cli.app import run_command_line
from spaces.errors import StudyConflictError, UsageError
from tests.reports.independent import SCIKIT_LEARN
from tests.reports.run_folders import write_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies of the digits."""
    place = tmp_path_factory.mktemp("compared")
    for seed, name in enumerate(("one", "two")):
        write_run(place / name, study_name=name, trials=2, distinct=2, seed=seed)
    return place


@pytest.fixture(scope="module")
def pair(runs: Path) -> tuple[Run, Run]:
    """The same, read, each with test predictions of its own: three images of two classes."""
    return (
        predicting(read_run(runs / "one"), predicted=[0, 0, 1, 1], images=[0, 1, 2, 3]),
        predicting(read_run(runs / "two"), predicted=[1, 1, 1, 0], images=[3, 2, 1, 0]),
    )


LABELS = np.array([0, 1, 1, 1], dtype=np.int32)


def predicting(run: Run, *, predicted: list[int], images: list[int]) -> Run:
    """Return a run whose winner predicted so for the test images at these positions."""
    probabilities = np.eye(10, dtype=np.float32)[predicted]
    rows = np.array(images, dtype=np.int32)
    return replace(run, test=Predictions(probabilities=probabilities, labels=LABELS[rows], images=rows))


def test_the_paired_test_pairs_images_not_rows(pair: tuple[Run, Run]) -> None:
    test = compare(pair).pairs[0].test

    assert test is not None
    assert (test.only_first, test.only_second) == (0, 1)


def test_classes_are_compared_the_largest_difference_first(pair: tuple[Run, Run]) -> None:
    classes = compare(pair).pairs[0].classes

    assert [(c.name, c.first_recall, c.other_recall) for c in classes[:2]] == [
        ("1", pytest.approx(2 / 3), 1.0),
        ("0", 1.0, 1.0),
    ]


@pytest.mark.parametrize("metric", METRICS)
def test_studies_are_compared_by_their_metric(runs: Path, metric: str) -> None:
    read = [read_run(runs / name) for name in ("one", "two")]
    found = compare([replace(run, record=replace(run.record, metric=metric)) for run in read])
    both = [load(runs / name / "best/predictions.npz") for name in ("one", "two")]
    scores = [SCIKIT_LEARN[metric](one.labels, one.probabilities) for one in both]
    name, (pair,), lines = metric.removeprefix("val_"), found.pairs, list(found.lines())

    assert found.metric == metric
    assert [side.test.value for side in found.sides if side.test] == pytest.approx(scores, rel=1e-5)
    assert pair.gain == pytest.approx(scores[1] - scores[0], abs=1e-6)
    for score in scores:
        assert sum(line.startswith(f"  test {name} {score:.4f} on 360 images (95 %") for line in lines) == 1
    (against,) = [line for line in lines if line.startswith("two against one")]
    assert (
        "McNemar's exact test" if name == "accuracy" else f"{name} {pair.gain:+.4f} (paired bootstrap: p"
    ) in against


def test_cost_is_of_all_trials(pair: tuple[Run, Run]) -> None:
    side = compare(pair).sides[0]
    records = [trial.record for trial in pair[0].trials if trial.record]

    assert (side.trials, side.epochs) == (2, sum(record.epochs for record in records))


def test_other_images_are_refused(pair: tuple[Run, Run]) -> None:
    data = replace(pair[1].record.data, fingerprint="sha256:other")
    other = replace(pair[1], record=replace(pair[1].record, data=data))
    with pytest.raises(StudyConflictError, match="studies 'one' and 'two' are of different images"):
        compare([pair[0], other])


def test_a_study_is_not_compared_with_itself(pair: tuple[Run, Run]) -> None:
    with pytest.raises(UsageError, match="one and one can't be compared: expected two or more different studies"):
        compare([pair[0], pair[0]])


def test_without_a_measured_winner_there_is_no_test(pair: tuple[Run, Run]) -> None:
    found = compare([pair[0], replace(pair[1], test=None, measurement=None)])

    assert found.pairs[0].test is None
    assert "two against one: not both winners are measured on the same test images" in list(found.lines())


def test_the_command_prints_both(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command_line(["compare", "one", "two", "--runs", str(runs)])
    text = capsys.readouterr().out

    assert (code, text.count("test accuracy"), text.count("McNemar's exact test")) == (0, 2, 1)


def test_the_command_prints_json(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_command_line(["compare", "one", "two", "--runs", str(runs), "--json"])
    told = json.loads(capsys.readouterr().out)

    assert [side["study"] for side in told["sides"]] == ["one", "two"]


def test_different_data_end_with_code_4(runs: Path, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "three", study_name="three", trials=1, distinct=1)
    settings = json.loads((folder / "settings.json").read_text())
    settings["data"]["fingerprint"] = "sha256:other"
    (folder / "settings.json").write_text(json.dumps(settings))

    assert run_command_line(["compare", str(runs / "one"), str(folder)]) == 4
