"""Row 4 of the fault table: the driver is killed at any step of what it writes, several times over.

Given two workers whose messages come in any order, and a database that may be away for a while; the driver is killed
before or after any file takes its name, any commit, any removal; when the study is continued to its end, every trial
is there once, with the choices it was given first, none is trained again that had ended, and none is left running.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import optuna
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import search.driver.loop
from search.storage.database import study_storage
from search.storage.retry import RetryingSaver
from search.study.stored import open_stored_study
from search.study.study import Study
from spaces.parameters import find_parameters
from tests.faults.driver.mortal_driver import InterleavedWorkers, Killed, Life, mortal
from tests.search.driver.test_going_on import LONG, epochs_in_history
from tests.search.driver.test_loop import Stage
from tests.search.fixtures.scripted_workers import steady
from tests.search.fixtures.toy import IMAGES, ListeningProgress, toy_settings, toy_space
from tests.search.storage.test_saving import trials_in

TRIALS, EPOCHS, WORKERS = 4, 3, 2
SETTINGS = toy_settings(trials=TRIALS, epochs=EPOCHS)
SPACE = toy_space({"by_hand": {"filters": 3, "learning_rate": 0.01}})
PARAMETERS = find_parameters(SPACE, images=IMAGES, classes=3)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the driver."""

    dies_at: int | None = None
    """Step; None: it lives to the end."""
    order: tuple[int, ...] = ()
    """Which worker is heard, message by message; the first where this ends."""
    away: tuple[int, int] = (0, 0)
    """The database is away from this save to that one."""
    saves_seldom: bool = False
    """Whether events come so fast that nothing is saved between them, but for new trials."""


@dataclass
class Story:
    """What happened in all runs together."""

    choices: dict[int, dict[str, object]] = field(default_factory=dict)
    """What each trial was given when it was first started."""
    seen: list[tuple[int, int]] = field(default_factory=list)
    trained_again: set[int] = field(default_factory=set)
    """Trials that were started although their result was on disk."""
    changed: set[int] = field(default_factory=set)
    """Trials that were started with other choices than before."""
    steps: int = 0
    """Of the last run."""


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """Leave out what is not tried here and takes most of the time: checks of the tables' form, and `fsync`."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    theirs = "optuna.storages._rdb.storage._VersionManager.check_table_schema_compatibility"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.storage.database.check_schema", lambda engine, *, shown: None)
        patch.setattr(theirs, lambda manager: None)
        patch.setattr("os.fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without a study, to be copied: making one takes long."""
    file = tmp_path_factory.mktemp("empty") / "study.db"
    with study_storage(f"sqlite:///{file}"):
        pass
    return file


def live(folder: Path, run: Run, story: Story) -> None:
    """Run the driver once, as far as it gets."""
    life = Life(steps=run.dies_at, away=run.away)
    with (
        study_storage(f"sqlite:///{folder / 'study.db'}") as storage,
        pytest.MonkeyPatch.context() as patch,
        contextlib.suppress(Killed),
        mortal(life),
    ):
        stored = open_stored_study(storage, SETTINGS, spool=folder / "toy" / "spool.jsonl")
        study = Study(
            stored.study,
            space=SPACE,
            parameters=PARAMETERS,
            settings=SETTINGS,
            images=IMAGES,
            classes=3,
            stored=stored,
        )
        patch.setattr(search.driver.loop, "SAVE_SECONDS", 1e6 if run.saves_seldom else 0.0)
        study.queue(SPACE.baselines, SPACE.starts)
        ended = {int(path.parent.name) for path in folder.glob("toy/trials/*/result.json")}

        def play(task):  # type: ignore[no-untyped-def]
            choices = dict(study._study.get_trials(deepcopy=False)[task.trial].params)
            if story.choices.setdefault(task.trial, choices) != choices:
                story.changed.add(task.trial)
            if task.trial in ended:
                story.trained_again.add(task.trial)
            return replace(steady(0.1 * task.trial), epoch_seconds=LONG)

        order = iter(run.order)
        workers = InterleavedWorkers(play, count=WORKERS)
        workers.order, workers.seen = (lambda choices: next(order, 0) % choices), story.seen  # type: ignore[assignment]
        now = iter(range(10**9))

        def patience(study: Study, progress: ListeningProgress) -> RetryingSaver:
            ticking, asleep = (lambda: float(next(now))), (lambda _seconds: None)
            return RetryingSaver(study, note=progress.note, wait_seconds=1e9, clock=ticking, sleep=asleep)

        Stage(folder, play, settings=SETTINGS, study=study, workers=workers, patience=patience).search.run()
    story.steps = life.steps


def tell(folder: Path, runs: list[Run]) -> Story:
    """Run the driver so often, and then once to the end."""
    story = Story()
    for run in [*runs, Run()]:
        live(folder, run, story)
    return story


def check(folder: Path, story: Story, runs: list[Run]) -> None:
    """Hold the end against what was promised."""
    with study_storage(f"sqlite:///{folder / 'study.db'}") as storage:
        trials = trials_in(storage)
        assert [(trial.number, trial.state.name) for trial in trials] == [(n, "COMPLETE") for n in range(TRIALS)]
        assert [trial.value for trial in trials] == [pytest.approx(0.1 * number) for number in range(TRIALS)]
        assert [sorted(trial.intermediate_values) for trial in trials] == [[1, 2, 3]] * TRIALS
        assert trials[0].params == SPACE.baselines["by_hand"]
    with study_storage(f"sqlite:///{folder / 'study.db'}") as storage:
        stage = Stage(folder, lambda task: steady(0.5), settings=SETTINGS, study=None)
        records = [stage.folder.read_trial(number) for number in range(TRIALS)]
        assert [dict(record.params) for record in records if record] == [trial.params for trial in trials_in(storage)]
        assert [epochs_in_history(stage.folder, number) for number in range(TRIALS)] == [[1, 2, 3]] * TRIALS
    assert (story.trained_again, story.changed) == (set(), set())
    if not any(run.saves_seldom for run in runs):  # epochs that end between two saves, within 0.05 s, are cheap
        assert len(story.seen) <= TRIALS * EPOCHS + len(runs) * WORKERS
    assert not list(folder.glob("toy/trials/*/checkpoint"))
    assert not (folder / "toy" / "spool.jsonl").exists()


ORDERS = st.lists(st.integers(0, WORKERS - 1), max_size=40).map(tuple)
AWAY = st.one_of(st.just((0, 0)), st.tuples(st.integers(0, 30), st.integers(1, 20)).map(lambda t: (t[0], sum(t))))
RUNS = st.lists(
    st.builds(Run, dies_at=st.integers(0, 220), order=ORDERS, away=AWAY, saves_seldom=st.booleans()),
    min_size=1,
    max_size=3,
)


@given(runs=RUNS)
@example(runs=[Run(away=(0, 40))])
@example(runs=[Run(dies_at=60, away=(3, 99)), Run(dies_at=60, away=(0, 99))])
@example(runs=[Run(dies_at=140, order=(0, 1)), Run(dies_at=150, order=(0, 1, 0, 1, 1, 0, 0, 0), away=(1, 8))])
@example(runs=[Run(dies_at=step, saves_seldom=True) for step in (40, 45, 50, 55)])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_the_driver_is_killed_at_nothing_is_lost_or_done_twice(empty_database: Path, runs: list[Run]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(empty_database, folder / "study.db")
        story = tell(folder, runs)
        check(folder, story, runs)


def test_there_are_as_many_steps_as_are_drawn_from(empty_database: Path, tmp_path: Path) -> None:
    shutil.copy(empty_database, tmp_path / "study.db")
    assert 150 < tell(tmp_path, []).steps < 260


@pytest.mark.slow
@pytest.mark.timeout(1200)  # every step in turn
def test_each_single_step(empty_database: Path, tmp_path: Path) -> None:
    shutil.copy(empty_database, tmp_path / "study.db")
    steps = tell(tmp_path, []).steps
    for step in range(steps):
        folder = tmp_path / str(step)
        folder.mkdir()
        shutil.copy(empty_database, folder / "study.db")
        runs = [Run(dies_at=step, saves_seldom=bool(step % 2))]
        check(folder, tell(folder, runs), runs)
        shutil.rmtree(folder)
