"""A run folder is read as far as it is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reports.pages.page import render
from reports.stored.read import read_run
from reports.stored.run import Run
from spaces.errors import RecordError, StudyConflictError, UsageError
from tests.reports.run_folders import write_run

Problems = Callable[[Path], dict[str, str]]


def test_a_whole_run_has_no_gaps(digits_run: Run) -> None:
    assert digits_run.gaps == ()


def test_every_trial_is_read_with_its_state(digits_run: Run) -> None:
    states = [trial.state for trial in digits_run.trials]
    assert [states.count(state) for state in ("COMPLETE", "PRUNED", "FAIL")] == [8, 3, 1]


def test_history_has_an_epoch_a_row_and_a_column_a_metric(digits_run: Run) -> None:
    history = digits_run.trials[0].history
    assert history is not None
    assert history.epochs.tolist() == [1, 2, 3, 4, 5, 6]
    assert {"score", "seconds", "loss", "val_loss", "accuracy", "val_accuracy"} <= set(history.columns)


def test_the_winner_is_the_trial_that_was_measured(digits_run: Run) -> None:
    assert digits_run.measurement is not None
    assert digits_run.winner is not None
    assert digits_run.winner.number == digits_run.measurement.trial


def test_a_trial_under_way_is_running_with_its_scores_so_far(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run", trials=1, distinct=1, running=1, is_measured=False))
    under_way = run.trials[1]
    assert (under_way.state, under_way.score, under_way.epochs) == ("RUNNING", 0.5, 1)


def test_reading_changes_no_file(copied: Path) -> None:
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}
    read_run(copied)
    assert {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()} == before


def test_a_folder_without_settings_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not a run folder: settings\.json is missing"):
        read_run(tmp_path)


def test_settings_that_are_no_json_are_one_clear_error(copied: Path) -> None:
    (copied / "settings.json").write_text("{")
    with pytest.raises(UsageError, match=r"settings\.json is not JSON"):
        read_run(copied)


def test_settings_of_a_newer_format_are_refused(copied: Path) -> None:
    plain = json.loads((copied / "settings.json").read_text()) | {"schema": 2}
    (copied / "settings.json").write_text(json.dumps(plain))
    with pytest.raises(StudyConflictError, match="is of format 2; this Tamiz reads formats up to 1"):
        read_run(copied)


def test_settings_with_a_missing_key_name_it(copied: Path) -> None:
    plain = json.loads((copied / "settings.json").read_text())
    del plain["data"]["classes"]
    (copied / "settings.json").write_text(json.dumps(plain))
    with pytest.raises(RecordError, match="'classes' is missing"):
        read_run(copied)


DAMAGES = {
    "study.db": b"no database at all",
    "best/predictions.npz": b"PK\x03\x04 torn",
    "best/thumbnails.npz": b"",
    "best/measurement.json": b'{"schema": 1}',
    "trials/0001/predictions.npz": b"",
    "trials/0001/result.json": b"[1, 2",
    "trials/0001/recipe.json": b"[]",
    "trials/0001/history.csv": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("part", DAMAGES)
def test_a_damaged_part_is_a_gap_and_the_rest_is_shown(copied: Path, problems: Problems, part: str) -> None:
    (copied / part).write_bytes(DAMAGES[part])
    assert list(problems(copied)) == [part]
    assert part in render(read_run(copied))


@pytest.mark.parametrize(
    "part", ["study.db", "best/predictions.npz", "trials/0001/predictions.npz", "trials/0001/history.csv"]
)
def test_a_missing_part_is_a_gap(copied: Path, problems: Problems, part: str) -> None:
    (copied / part).unlink()
    assert problems(copied) == {part: "is missing"}


@pytest.mark.parametrize("part", ["trials/0001/result.json", "best/measurement.json"])
def test_a_part_of_a_newer_format_is_a_gap_and_the_rest_is_shown(copied: Path, problems: Problems, part: str) -> None:
    plain = json.loads((copied / part).read_text()) | {"schema": 2, "more": 1}
    (copied / part).write_text(json.dumps(plain))
    newer = "is of format 2; this Tamiz reads formats up to 1. Update Tamiz to read it."
    assert problems(copied) == {part: newer}
    assert str(copied) not in render(read_run(copied))


def test_a_missing_folder_of_trials_leaves_what_the_study_knows(copied: Path) -> None:
    shutil.rmtree(copied / "trials")
    run = read_run(copied)
    assert [trial.state for trial in run.trials].count("PRUNED") == 3
    assert "trials/0000/result.json" in render(run)


def test_without_the_winners_folder_the_best_trial_is_shown_on_validation_images(copied: Path) -> None:
    shutil.rmtree(copied / "best")
    page = render(read_run(copied))
    assert "The test images have not been used yet" in page


def test_folders_that_are_no_trials_are_left_alone(copied: Path, digits_run: Run) -> None:
    for name in ("\u00b2", "\u0663", "0001 copy", ".DS_Store"):
        (copied / "trials" / name).mkdir()
    assert len(read_run(copied).trials) == len(digits_run.trials)


def test_a_torn_row_of_a_history_is_left_out(copied: Path, problems: Problems) -> None:
    path = copied / "trials/0001/history.csv"
    path.write_text(path.read_text() + "7,0.2")
    assert problems(copied) == {"trials/0001/history.csv": "1 of its 7 rows are damaged and left out"}


def test_predictions_of_other_classes_are_a_gap(copied: Path, problems: Problems) -> None:
    path = copied / "best/predictions.npz"
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    np.savez(path, **arrays | {"probabilities": np.tile(arrays["probabilities"], 2)})
    assert problems(copied) == {
        path.name and "best/predictions.npz": "holds probabilities of shape (360, 20); the study has 10 classes"
    }


def test_a_database_elsewhere_is_a_gap_without_its_address(copied: Path) -> None:
    plain = json.loads((copied / "settings.json").read_text())
    plain["settings"]["storage"] = "postgresql://person:canary@127.0.0.1/db"
    (copied / "settings.json").write_text(json.dumps(plain))
    run = read_run(copied)
    assert [gap.part for gap in run.gaps] == ["study.db"]
    assert "canary" not in render(run)
