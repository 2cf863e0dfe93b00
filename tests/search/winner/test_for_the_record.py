"""What is measured on the test images beside the winner: each once, and chosen by validation images."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, f1_score, log_loss

from objectives.evaluation.metrics import METRICS
from objectives.files import predictions as stored_predictions
from objectives.messages import Predictions, TrainingFailure, WinnerMeasured
from reports.classifier.intervals import bootstrap_p, wilson
from reports.stored.files import read_record
from reports.stored.for_the_record import ANSWER, BASELINE, SEARCH, START, ForTheRecord, recorded_trials
from search.driver.loop import Search
from search.driver.run import run_search
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from search.trainings.parts import SearchParts
from search.winner.finish import finish
from search.winner.for_the_record import NOT_KEPT, measure_for_the_record
from search.workers.protocol import Event, Measured, TrainingEnded, TrainingFailed
from spaces.catalogue import find_space
from tests.reports.run_folders import digits, run_record
from tests.search.fixtures.parts import search_parts
from tests.search.fixtures.scripted_workers import CLASSES, ScriptedWorkers, steady
from tests.search.fixtures.toy import ListeningProgress, toy_settings, toy_space, toy_study

SCORES = (0.4, 0.5, 0.6, 0.3, 0.9, 0.8)
"""Trials 0 and 1 are baselines, 2 and 3 starts."""
LABELS = np.arange(90, dtype=np.int32) % CLASSES
RIGHT = {0: 40, 1: 55, 2: 60, 4: 80, 5: 81}
"""Test images that a trial's model has right: the first ones."""
MODEL = io.BytesIO()
with zipfile.ZipFile(MODEL, "w") as stored:
    stored.writestr("config.json", "{}")
SPACE = replace(
    toy_space({"older": {"filters": 1, "learning_rate": 0.01}, "by_hand": {"filters": 2, "learning_rate": 0.01}}),
    starts={"advised": {"filters": 3, "learning_rate": 0.01}, "other": {"filters": 4, "learning_rate": 0.01}},
)


def answers(right: int, labels: np.ndarray = LABELS) -> Predictions:
    """Return predictions of which the first are right, and the others name the next class."""
    predicted = np.where(np.arange(len(labels)) < right, labels, (labels + 1) % CLASSES)
    probabilities = np.full((len(labels), CLASSES), 0.1, dtype=np.float32)
    probabilities[np.arange(len(labels)), predicted] = 0.8
    return Predictions(probabilities=probabilities, labels=labels, images=np.arange(len(labels), dtype=np.int32))


class Measuring(ScriptedWorkers):
    """Measures each trial's model as `RIGHT` says."""

    def __init__(self, failures: Mapping[int, TrainingFailure] | None = None) -> None:
        super().__init__(lambda task: steady(SCORES[task.trial]))
        self.failures = failures or {}

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Give the next event, with a model from which a script can be made."""
        event = super().next_event(timeout_seconds)
        if isinstance(event, TrainingEnded) and event.result.model is not None:
            return replace(event, result=replace(event.result, model=MODEL.getvalue()))
        return event

    def measure(self, trial: int, model: bytes) -> int:
        """Measure, or fail."""
        worker = self._take_worker()
        self.measured.append((trial, model))
        if trial in self.failures:
            self._events.append(TrainingFailed(worker=worker, trial=trial, failure=self.failures[trial]))
        else:
            winner = WinnerMeasured(predictions=answers(RIGHT[trial]), inside=None)
            self._events.append(Measured(worker=worker, trial=trial, winner=winner))
        return worker


def search(
    tmp_path: Path,
    *,
    trials: int = len(SCORES),
    storage: optuna.storages.BaseStorage | None = None,
    failures: Mapping[int, TrainingFailure] | None = None,
    without_model: int | None = None,
    metric: str = "val_accuracy",
) -> tuple[SearchParts, Measuring, ListeningProgress]:
    """Search, and finish; returns what was searched with."""
    settings, progress = toy_settings(trials=trials, runs=str(tmp_path)), ListeningProgress()
    workers = Measuring(failures)
    folder = RunFolder.at(tmp_path, settings.study)
    parts = search_parts(
        settings=settings,
        study=toy_study(settings, space=SPACE, storage=storage),
        workers=workers,
        folder=folder,
        progress=progress,
    )
    Search(parts).run()
    if without_model is not None:
        (folder.trial(without_model) / "model.keras").unlink()
    record = replace(run_record(digits(), study_name="toy", trials=trials), metric=metric)
    finish(parts, record=record, test_images=np.zeros((len(LABELS), 8, 8, 1), np.uint8))
    return parts, workers, progress


def recorded(parts: SearchParts) -> ForTheRecord:
    """Return what was measured for the record."""
    found = read_record(parts.folder.best / "record.json", ForTheRecord)
    assert found is not None
    return found


def test_the_best_baseline_and_the_best_start_stand_beside_the_answer(tmp_path: Path) -> None:
    parts, workers, _ = search(tmp_path)
    rows = recorded(parts).rows

    assert [(row.role, row.trial, row.name) for row in rows] == [
        (ANSWER, 4, None),
        (BASELINE, 1, "by_hand"),
        (START, 2, "advised"),
    ]
    assert [trial for trial, _ in workers.measured] == [4, 1, 2]


def test_each_has_its_scores_and_a_paired_test(tmp_path: Path) -> None:
    parts, _, _ = search(tmp_path)
    row = recorded(parts).rows[1]
    found = answers(RIGHT[1])
    predicted = found.probabilities.argmax(axis=1)
    assert row.test is not None
    assert row.against_answer is not None

    assert row.test.accuracy == accuracy_score(LABELS, predicted)
    assert row.test.interval_95 == wilson(RIGHT[1], len(LABELS))
    assert row.test.loss == pytest.approx(log_loss(LABELS, found.probabilities.astype(np.float64)), rel=1e-6)
    assert row.test.macro_f1 == pytest.approx(f1_score(LABELS, predicted, average="macro"))
    assert row.test.calibration_error == pytest.approx(0.8 - RIGHT[1] / len(LABELS), abs=1e-6)
    assert (row.against_answer.only_answer_right, row.against_answer.only_this_right) == (25, 0)
    assert (row.against_answer.p_accuracy, row.against_answer.p_score) == (pytest.approx(2 * 0.5**25), None)


def test_another_metric_has_a_paired_bootstrap(tmp_path: Path) -> None:
    parts, _, _ = search(tmp_path, metric="macro_f1")
    row = recorded(parts).rows[1]
    assert row.test is not None
    assert row.against_answer is not None

    assert row.test.score.metric == "macro_f1"
    assert row.against_answer.p_score == bootstrap_p(METRICS["macro_f1"], answers(RIGHT[4]), answers(RIGHT[1]))


def test_a_run_that_is_continued_measures_nothing_twice(tmp_path: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    search(tmp_path, trials=5, storage=storage)
    parts, workers, _ = search(tmp_path, trials=6, storage=storage)

    assert (workers.measured, [row.trial for row in recorded(parts).rows]) == ([], [4, 1, 2])


def test_a_start_that_is_handed_over_is_not_compared_with_itself(tmp_path: Path) -> None:
    parts, workers, _ = search(tmp_path, trials=4)
    answer, _, start = recorded(parts).rows

    assert (answer.trial, answer.name, start.trial, start.test) == (2, "advised", 2, answer.test)
    assert (start.against_answer, [trial for trial, _ in workers.measured]) == (None, [2, 1])


def test_a_model_that_was_not_kept_is_left_out_and_said(tmp_path: Path) -> None:
    parts, workers, _ = search(tmp_path, without_model=1)
    row = recorded(parts).rows[1]

    assert (row.trial, row.test, row.missing) == (1, None, NOT_KEPT)
    assert [trial for trial, _ in workers.measured] == [4, 2]


def test_one_that_cannot_be_measured_does_not_fail_the_search(tmp_path: Path) -> None:
    failure = TrainingFailure(cause="error", message="ValueError: no model")
    parts, _, progress = search(tmp_path, failures={1: failure})
    row = recorded(parts).rows[1]

    assert (row.test, row.missing) == (None, "trial 1 could not be measured: ValueError: no model")
    assert "not measured for the record: trial 1 could not be measured: ValueError: no model" in progress.notes
    assert recorded(parts).rows[2].test is not None


def test_damaged_predictions_are_measured_again(tmp_path: Path) -> None:
    parts, workers, _ = search(tmp_path)
    (parts.folder.trial(1) / "test_predictions.npz").write_bytes(b"damaged")
    measure_for_the_record(parts, record=run_record(digits(), study_name="toy", trials=6))

    assert [trial for trial, _ in workers.measured] == [4, 1, 2, 1]
    assert stored_predictions.load(parts.folder.trial(1) / "test_predictions.npz").labels.tolist() == LABELS.tolist()


def test_the_search_s_best_is_a_row_where_another_model_is_handed_over(tmp_path: Path) -> None:
    parts, workers, _ = search(tmp_path)
    measured = parts.folder.read_measurement()
    assert measured is not None
    file = parts.folder.best / "measurement.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"trial": 5}))
    measure_for_the_record(parts, record=run_record(digits(), study_name="toy", trials=6))

    assert [(row.role, row.trial) for row in recorded(parts).rows] == [
        (ANSWER, 5),
        (SEARCH, 4),
        (BASELINE, 1),
        (START, 2),
    ]
    assert [trial for trial, _ in workers.measured] == [4, 1, 2, 4]


def test_trials_are_chosen_by_their_validation_scores(tmp_path: Path) -> None:
    parts, _, _ = search(tmp_path)
    chosen = recorded_trials(parts.folder.read_trials(), run_record(digits(), study_name="toy", trials=6).direction)

    assert {role: trial.trial for role, trial in chosen.items()} == {SEARCH: 4, BASELINE: 1, START: 2}
    assert RIGHT[5] > RIGHT[4]  # the test images would have chosen another


SMALL = '''
"""Small networks with a baseline and a start."""

from spaces.recipe import Fit, MLP, Recipe

BASELINES = {"by_hand": {"units": 4}, "wide": {"units": 16}}
STARTS = {"advised": {"units": 24}, "other": {"units": 8}}


def suggest(trial):
    return Recipe(network=MLP(units=(trial.suggest_int("units", 2, 64),)), fit=Fit(learning_rate=0.01))
'''


@pytest.mark.slow
def test_test_labels_permuted_at_random_change_no_choice(tmp_path: Path) -> None:
    found = load_digits()
    pixels, labels = (found.images * 15).astype(np.uint8), found.target
    (tmp_path / "small.py").write_text(SMALL)
    permuted = np.random.default_rng(1).permutation(labels[1400:])

    def choices(name: str, test_labels: np.ndarray) -> tuple[object, ...]:
        data = tmp_path / f"{name}.npz"
        np.savez(data, x_train=pixels[:1400], y_train=labels[:1400], x_test=pixels[1400:], y_test=test_labels)
        settings = RunSettings(
            space=str(tmp_path / "small.py"),
            study="small",
            data=str(data),
            trials=8,
            epochs=2,
            runs=str(tmp_path / name),
            executor="inline",
            confirm=3,
        )
        summary = run_search(settings, space=find_space(settings.space), progress=ListeningProgress(), command="run")
        folder = RunFolder(path=tmp_path / name / "small")
        rows = read_record(folder.best / "record.json", ForTheRecord)
        assert rows is not None
        assert summary.best is not None
        assert summary.test is not None
        assert summary.confirmed is not None
        candidates.append(len(summary.confirmed.candidates))
        accuracies.append(summary.test.accuracy)
        return (
            [(record.trial, record.params, record.score, record.state) for record in folder.read_trials()],
            summary.best.trial,
            summary.test.kind,
            [(one.trial, one.scores, one.mean, one.interval_95) for one in summary.confirmed.candidates],
            (summary.confirmed.chosen, summary.confirmed.tied, summary.confirmed.cheapest),
            [(row.role, row.trial, row.name) for row in rows.rows],
            sorted(path.parent.name for path in folder.path.glob("trials/*/model.keras")),
        )

    accuracies: list[float] = []
    candidates: list[int] = []

    assert choices("true", labels[1400:]) == choices("permuted", permuted)
    assert accuracies[0] > accuracies[1] + 0.3  # the labels did differ
    assert candidates[0] > 1  # the confirmation had a choice
