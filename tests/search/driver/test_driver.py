"""Whole searches on real digits: in this process, on Ray, on a cluster, on PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import numpy as np
import optuna
import pytest

from objectives.data.directories import DataDirectories
from objectives.data.loading import load
from objectives.files.predictions import load as load_predictions
from search.cli.app import run_command_line
from search.driver.run import run_search
from search.results.summary import RunSummary
from search.settings import RunSettings
from search.storage.database import study_storage
from spaces.catalogue import find_space
from spaces.errors import StudyConflictError
from tests.search.fixtures.toy import ListeningProgress
from tests.servers.mariadb import MariaServer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.slow

SMALL_SPACE = '''
"""Small networks, for tests of whole searches."""

from spaces.recipe import ConvNet, Fit, Recipe, Stage

DEFAULT_DATA = "digits"
BASELINES = {"by_hand": {"filters": 8, "learning_rate": 0.003}}


def suggest(trial):
    return Recipe(
        network=ConvNet(
            stages=(Stage(filters=trial.suggest_int("filters", 4, 12), convolutions=1),), kernel=3, padding="valid"
        ),
        fit=Fit(learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True), batch_size=64),
    )
'''


@pytest.fixture(scope="module")
def space_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's own space."""
    file = tmp_path_factory.mktemp("space") / "small.py"
    file.write_text(SMALL_SPACE)
    return file


def search(
    space_file: Path,
    runs: Path,
    *,
    trials: int = 3,
    study: str = "small",
    executor: str = "inline",
    workers: int | None = None,
    storage: str | None = None,
    ray_address: str | None = None,
    metric: str = "val_accuracy",
    progress: ListeningProgress | None = None,
) -> RunSummary:
    """Run a search of a few seconds."""
    settings = RunSettings(
        space=str(space_file),
        study=study,
        data="digits",
        trials=trials,
        epochs=2,
        train_images=600,
        runs=str(runs),
        executor=executor,
        workers=workers,
        storage=storage,
        ray_address=ray_address,
        metric=metric,
    )
    return run_search(
        settings, space=find_space(str(space_file)), progress=progress or ListeningProgress(), command="run"
    )


@pytest.fixture(scope="module")
def small(space_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of three trials, which no test changes; returns its folder of runs."""
    runs = tmp_path_factory.mktemp("runs")
    search(space_file, runs)
    return runs


@pytest.fixture
def copied(small: Path, tmp_path: Path) -> Path:
    """A copy of that study, to be continued."""
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    return tmp_path


def scores(runs: Path, study: str = "small") -> list[tuple[object, ...]]:
    """Return what each trial chose and reached, by number."""
    results = [json.loads(path.read_text()) for path in sorted((runs / study).glob("trials/*/result.json"))]
    return [(r["trial"], r["params"], r["seed"], r["score"]) for r in results]


def test_the_same_seed_gives_the_same_trials_and_scores(space_file: Path, small: Path, tmp_path: Path) -> None:
    search(space_file, tmp_path)
    assert scores(tmp_path) == scores(small)


def test_the_log_has_the_lines_of_the_search(small: Path) -> None:
    log = (small / "small" / "log.txt").read_text()
    in_order = ["run\n", "loading digits", "study small: ", "[3/3] trial 2 ", "measuring trial", "test accuracy 0."]
    places = [log.index(line) for line in in_order]
    assert places == sorted(places)


def test_continuing_trains_exactly_what_is_missing(space_file: Path, small: Path, copied: Path) -> None:
    summary = search(space_file, copied, trials=5)
    assert summary.trials is not None
    assert (scores(copied)[:3], summary.trials.ended) == (scores(small), 5)


def test_the_test_score_is_that_of_the_predictions_and_of_the_model_loaded_afresh(small: Path, tmp_path: Path) -> None:
    best = small / "small" / "best"
    stored = load_predictions(best / "predictions.npz")
    images = load("digits", directories=DataDirectories.from_environment()).test_images
    np.save(tmp_path / "images.npy", images)
    script = (
        "import sys, numpy, keras\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "numpy.save(sys.argv[3], model.predict(numpy.load(sys.argv[2]), verbose=0))\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, best / "model.keras", tmp_path / "images.npy", tmp_path / "afresh.npy"],
        check=True,
        capture_output=True,
        timeout=120,
    )
    afresh = np.load(tmp_path / "afresh.npy")
    summary = json.loads((small / "small" / "summary.json").read_text())
    np.testing.assert_allclose(afresh, stored.probabilities, atol=1e-5)
    assert summary["test"]["accuracy"] == float((afresh.argmax(axis=1) == stored.labels).mean())


def test_a_study_is_not_continued_with_another_metric(space_file: Path, copied: Path) -> None:
    with pytest.raises(StudyConflictError, match="metric: val_accuracy then, macro_f1 now"):
        search(space_file, copied, metric="macro_f1")


@pytest.fixture
def wider(space_file: Path) -> Iterator[None]:
    """Another file where the study's space was."""
    space_file.write_text(SMALL_SPACE.replace("4, 12", "4, 16"))
    yield
    space_file.write_text(SMALL_SPACE)


@pytest.mark.usefixtures("wider")
def test_a_study_is_not_continued_with_a_changed_space(space_file: Path, copied: Path) -> None:
    with pytest.raises(StudyConflictError, match="the space's code has changed\n(.|\n)* or --fork NEW"):
        search(space_file, copied)


@pytest.mark.usefixtures("wider")
def test_a_study_with_a_widened_space_begins_with_the_trials_there_are(
    space_file: Path, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [
        *("run", "--space", str(space_file), "--study", "small", "--fork", "wide", "--runs", str(copied), "--json"),
        *("--trials", "4", "--epochs", "2", "--train-images", "600", "--executor", "inline"),
    ]
    assert run_command_line(said) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["study"], summary["trials"]["complete"], summary["epochs_trained"]) == ("wide", 4, 8)
    first = "trials/0000/result.json"
    assert (copied / "wide" / first).read_bytes() == (copied / "small" / first).read_bytes()
    assert run_command_line(said) == 4


@pytest.mark.promise
def test_ray_workers_train_a_persons_own_space_and_do_not_see_where_the_database_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leak = f"{tmp_path}/seen_by_"
    spy = (
        "import os, pathlib\n"
        f"pathlib.Path('{leak}' + str(os.getpid())).write_text(os.environ.get('TEAM_DATABASE', 'nothing'))\n"
    )
    (tmp_path / "small.py").write_text(SMALL_SPACE + spy)
    monkeypatch.setenv("TEAM_DATABASE", f"sqlite:///{tmp_path / 'team.db'}")
    progress = ListeningProgress()
    summary = search(
        tmp_path / "small.py", tmp_path, executor="ray", workers=2, trials=4, storage="env:TEAM_DATABASE",
        progress=progress,
    )  # fmt: skip
    seen = {path.read_text() for path in tmp_path.glob("seen_by_*") if not path.name.endswith(f"_{os.getpid()}")}
    assert summary.trials is not None
    assert summary.trials.complete + summary.trials.pruned == 4
    assert (seen, os.environ["TEAM_DATABASE"]) == ({"nothing"}, f"sqlite:///{tmp_path / 'team.db'}")
    assert [line for line in progress.notes if "database" in line] == [], "the report reads it all the same"


def test_a_cluster_of_two_nodes_runs_a_study(space_file: Path, tmp_path: Path, ray_cluster: Any) -> None:
    enough_for_a_late_worker = 24
    summary = search(
        space_file, tmp_path, executor="ray", trials=enough_for_a_late_worker, ray_address=ray_cluster.address
    )
    workers = {json.loads(path.read_text())["worker"] for path in tmp_path.glob("small/trials/*/result.json")}
    assert summary.best is not None
    assert workers == {"0", "1"}


@pytest.mark.parametrize(
    "database_server", [pytest.param("postgres", marks=pytest.mark.promise), "mariadb"], indirect=True
)
def test_a_server_holds_a_study_and_its_password_stays_out_of_the_run_folder(
    space_file: Path,
    tmp_path: Path,
    database_server: PostgresServer | MariaServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEAM_DATABASE", database_server.url)
    search(space_file, tmp_path, storage="env:TEAM_DATABASE")
    search(space_file, tmp_path, storage="env:TEAM_DATABASE", trials=4)
    with study_storage(database_server.url) as storage:
        entered = len(optuna.load_study(study_name="small", storage=storage).trials)
    secret = database_server.password.encode()
    held = [path for path in tmp_path.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert (entered, held, (tmp_path / "small" / "study.db").exists()) == (4, [], False)


@pytest.fixture
def dashboard_answer(small: Path) -> dict[str, object]:
    """What the stock dashboard says of a study."""
    from optuna_dashboard import wsgi

    status: list[str] = []
    environ: dict[str, Any] = {"PATH_INFO": "/api/studies/1"}
    setup_testing_defaults(environ)
    with study_storage(f"sqlite:///{small / 'small' / 'study.db'}") as storage:
        body = b"".join(wsgi(storage)(environ, lambda line, _headers, _error=None: status.append(line)))
    assert status == ["200 OK"]
    answer: dict[str, object] = json.loads(body)
    return answer


def test_the_stock_dashboard_shows_metric_name_parameters_and_intermediate_values(
    dashboard_answer: dict[str, object],
) -> None:
    trials = dashboard_answer["trials"]
    assert isinstance(trials, list)
    first = trials[0]
    assert dashboard_answer["objective_names"] == ["val_accuracy"]
    assert {p["name"] for p in first["params"]} == {"filters", "learning_rate"}
    assert [v["step"] for v in first["intermediate_values"]] == [1, 2]


def test_the_database_is_sqlite_written_ahead(small: Path) -> None:
    with closing(sqlite3.connect(small / "small" / "study.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
