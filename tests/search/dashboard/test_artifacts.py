"""What each trial carries into the dashboard."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna_dashboard import get_note
from PIL import Image

from search.dashboard.artifacts import artifact_store, attach, confusion_png
from search.driver.loop import Search
from search.results.run_folder import RunFolder
from tests.search.fixtures.parts import search_parts
from tests.search.fixtures.scripted_workers import Play, ScriptedWorkers, diverged, steady
from tests.search.fixtures.toy import ListeningProgress, toy_settings, toy_study


def searched(tmp_path: Path, *plays: Play) -> tuple[optuna.Study, RunFolder]:
    """Run a toy search with a trial for each play; return its study and folder."""
    storage = optuna.storages.InMemoryStorage()
    settings = toy_settings(trials=len(plays))
    folder, progress = RunFolder.at(tmp_path, "toy"), ListeningProgress()
    parts = search_parts(
        settings=settings,
        study=toy_study(settings, storage=storage),
        workers=ScriptedWorkers(lambda task: plays[task.trial]),
        folder=folder,
        progress=progress,
    )
    Search(parts).run()
    return optuna.load_study(study_name="toy", storage=storage), folder


def artifacts(study: optuna.Study, folder: RunFolder, trial: int) -> dict[str, tuple[str, bytes]]:
    """Return type and content of each of a trial's artifacts, by file name."""
    found = get_all_artifact_meta(study.trials[trial], storage=study._storage)
    store = artifact_store(folder)
    contents = {}
    for meta in found:
        with store.open_reader(meta.artifact_id) as file:
            contents[meta.filename] = (meta.mimetype, file.read())
    return contents


def test_a_complete_trial_carries_its_matrix_table_and_curve(tmp_path: Path) -> None:
    found = artifacts(*searched(tmp_path, steady(0.5)), 0)

    assert {name: kind for name, (kind, _) in found.items()} == {
        "confusion.png": "image/png",
        "per_class.csv": "text/csv",
        "history.csv": "text/csv",
    }


def test_the_table_has_a_row_for_each_class(tmp_path: Path) -> None:
    _, content = artifacts(*searched(tmp_path, steady(0.5)), 0)["per_class.csv"]
    rows = list(csv.DictReader(io.StringIO(content.decode())))

    assert [(row["class"], row["recall"], row["images"]) for row in rows] == [
        ("0", "1.0", "2"),
        ("1", "1.0", "2"),
        ("2", "1.0", "2"),
    ]


def test_the_curve_is_the_trials_own(tmp_path: Path) -> None:
    study, folder = searched(tmp_path, steady(0.5))

    assert artifacts(study, folder, 0)["history.csv"][1] == (folder.trial(0) / "history.csv").read_bytes()


def test_a_note_says_how_a_trial_ended(tmp_path: Path) -> None:
    study, _ = searched(tmp_path, steady(0.5), diverged(0.1))

    assert [get_note(optuna.Trial(study, trial._trial_id)).partition("\n")[0] for trial in study.trials] == [
        "Score 0.5000 at epoch 1 of 3.",
        "No result: loss became NaN",
    ]


def test_a_failed_trial_carries_no_artifacts(tmp_path: Path) -> None:
    study, folder = searched(tmp_path, diverged(0.1))

    assert artifacts(study, folder, 0) == {}


def test_markup_in_a_note_is_shown_as_it_is(tmp_path: Path) -> None:
    study, folder = searched(tmp_path, steady(0.5))
    record = folder.read_trial(0)
    assert record is not None
    hostile = "<img src=x onerror=alert(1)> [a](javascript:alert(1))"
    trial = optuna.Trial(study, study.trials[0]._trial_id)
    attach(trial, type(record)(**{**vars(record), "score": None, "message": hostile}), folder)

    assert get_note(trial) == ("No result: \\<img src=x onerror=alert(1)\\> \\[a\\](javascript:alert(1))\n")


@pytest.mark.parametrize(("classes", "side"), [(2, 240), (10, 240), (100, 200), (300, 300)])
def test_the_matrix_is_small(classes: int, side: int) -> None:
    picture = Image.open(io.BytesIO(confusion_png(np.eye(classes, dtype=np.int32))))

    assert picture.size == (side, side)


def test_the_matrix_is_darker_where_more_of_a_row_is() -> None:
    picture = Image.open(io.BytesIO(confusion_png(np.array([[4, 0], [1, 1]], dtype=np.int32))))

    assert [picture.getpixel(place) for place in ((0, 0), (239, 0), (0, 239))] == [
        (8, 48, 107),
        (255, 255, 255),
        (132, 152, 181),
    ]
