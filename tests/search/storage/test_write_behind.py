"""A study in memory: what it saves, Optuna reads back."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from optuna_dashboard import get_note, save_note

from search.algorithms.samplers import make_sampler
from search.storage.database import study_storage
from search.storage.write_behind import WriteBehindStudy
from spaces.errors import StudyConflictError
from tests.servers.mariadb import MariaServer
from tests.servers.postgres import PostgresServer

DISTRIBUTIONS = {
    "stages": IntDistribution(1, 4),
    "units": IntDistribution(16, 512, log=True),
    "dropout": FloatDistribution(0.0, 0.5, step=0.1),
    "rate": FloatDistribution(1e-4, 1e-1, log=True),
    "norm": CategoricalDistribution([True, False]),
    "pooling": CategoricalDistribution(["max", "average"]),
}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[RDBStorage]:
    """An empty database."""
    with study_storage(f"sqlite:///{tmp_path / 'study.db'}") as opened:
        yield opened


def opened(storage: RDBStorage) -> WriteBehindStudy:
    """Return the study in a database, made if it is not there."""
    stored = optuna.create_study(study_name="toy", storage=storage, direction="maximize", load_if_exists=True)
    return WriteBehindStudy(stored, storage)


def in_database(storage: RDBStorage) -> list[optuna.trial.FrozenTrial]:
    """Return the trials as Optuna reads them, without the database's own ids."""
    return without_ids(optuna.load_study(study_name="toy", storage=storage))


def without_ids(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Return a study's trials, whose ids differ from storage to storage."""
    trials = study.get_trials()
    for trial in trials:
        trial._trial_id = 0
    return trials


def fill(study: optuna.Study) -> None:
    """Let trials of all kinds happen."""
    study.enqueue_trial({"stages": 2, "pooling": "average"}, user_attrs={"baseline": "by hand"})
    for number, state in enumerate((TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)):
        trial = study.ask(DISTRIBUTIONS)
        trial.report(0.25 + number, 1)
        trial.report(math.nan, 2)
        trial.report(math.inf, 3)
        trial.set_user_attr("note", {"ä": [number, None]})
        study._storage.set_trial_system_attr(trial._trial_id, "dashboard:note", "*text*")
        study.tell(trial, 0.5 if state == TrialState.COMPLETE else None, state=state)
    study.ask(DISTRIBUTIONS).report(0.125, 1)
    study.enqueue_trial({"stages": 4})


def describe(trials: list[optuna.trial.FrozenTrial]) -> list[str]:
    """Return all of each trial as text: not-a-number equals itself there; the order of attributes is no matter."""
    return [
        repr([(name, sorted(held.items()) if isinstance(held, dict) else held) for name, held in vars(trial).items()])
        for trial in trials
    ]


def test_what_is_saved_reads_back_the_same(storage: RDBStorage) -> None:
    kept = opened(storage)
    fill(kept.study)
    kept.save()
    assert describe(in_database(storage)) == describe(without_ids(kept.study))


@pytest.mark.slow
def test_what_is_saved_on_a_server_reads_back_the_same(database_server: PostgresServer | MariaServer) -> None:
    with study_storage(database_server.url) as storage:
        kept = opened(storage)
        fill(kept.study)
        kept.save()
        fill(kept.study)
        kept.save()
        saved, meant = (describe(trials) for trials in (in_database(storage), without_ids(kept.study)))
    if isinstance(database_server, MariaServer):  # whose times are of whole seconds in Optuna's tables
        meant = [re.sub(r"(datetime\((?:\d+, ){5}\d+), \d+\)", r"\1)", trial) for trial in meant]
    assert saved == meant


def test_it_may_be_saved_after_each_step(storage: RDBStorage) -> None:
    kept = opened(storage)
    kept.study.enqueue_trial({"stages": 2}, user_attrs={"baseline": "by hand"})
    kept.save()
    trial = kept.study.ask()
    kept.save()
    trial.suggest_int("stages", 1, 4)
    kept.save()
    for epoch in (1, 2):
        trial.report(0.5, epoch)
        kept.save()
    for note in ("first", "second"):
        trial.set_user_attr("note", note)
        kept.save()
    kept.study.tell(trial, 0.5)
    kept.save()
    assert describe(in_database(storage)) == describe(without_ids(kept.study))


def test_nothing_is_in_the_database_before_it_is_saved(storage: RDBStorage) -> None:
    kept = opened(storage)
    fill(kept.study)
    assert in_database(storage) == []


def test_a_study_goes_on_where_it_was_saved(storage: RDBStorage) -> None:
    first = opened(storage)
    fill(first.study)
    first.save()
    second = opened(storage)
    fill(second.study)
    second.save()
    assert describe(in_database(storage)) == describe(without_ids(second.study))
    assert [trial.number for trial in in_database(storage)] == list(range(9))


def test_a_trial_that_an_earlier_program_began_can_be_told(storage: RDBStorage) -> None:
    first = opened(storage)
    first.study.ask(DISTRIBUTIONS)
    first.save()
    second = opened(storage)
    second.study.tell(0, 0.75)
    second.save()
    assert [(trial.state, trial.value) for trial in in_database(storage)] == [(TrialState.COMPLETE, 0.75)]


def test_what_samplers_keep_with_the_study_is_saved_with_it(storage: RDBStorage) -> None:
    kept = opened(storage)
    kept.study.set_user_attr("by", "hand")
    kept.study.sampler = make_sampler("qmc", seed=0, number=0)
    for _ in range(3):
        kept.study.tell(kept.study.ask(DISTRIBUTIONS), 0.5)
    kept.save()

    def attributes(study: optuna.Study) -> tuple[dict[str, Any], dict[str, Any]]:
        inside = study._storage
        return study.user_attrs, inside.get_study_system_attrs(study._study_id)

    here, again = attributes(kept.study), attributes(opened(storage).study)
    assert here == again == attributes(optuna.load_study(study_name="toy", storage=storage))
    assert any("qmc" in key for key in here[1])


def noted(study: optuna.Study, note: str) -> None:
    """Ask for a trial, note something of it, and tell it."""
    trial = study.ask()
    save_note(trial, note)
    study.tell(trial, 0.5)


def notes_in(storage: RDBStorage) -> list[str]:
    """Return each trial's note as the dashboard finds it."""
    study = optuna.load_study(study_name="toy", storage=storage)
    return [get_note(optuna.Trial(study, trial._trial_id)) for trial in study.get_trials()]


def test_a_note_stays_with_its_trial_whose_id_is_another_in_the_database(storage: RDBStorage) -> None:
    before = optuna.create_study(study_name="before", storage=storage)
    before.tell(before.ask(), 0.5)
    study = opened(storage)
    for note in ("first", "second"):
        noted(study.study, note)
        study.save()
    assert notes_in(storage) == ["first", "second"]

    study = opened(storage)
    save_note(optuna.Trial(study.study, study.study.trials[0]._trial_id), "first, changed")
    noted(study.study, "third")
    study.save()
    assert notes_in(storage) == ["first, changed", "second", "third"]


def test_the_pruner_of_the_stored_study_is_kept(storage: RDBStorage) -> None:
    pruner = optuna.pruners.MedianPruner()
    stored = optuna.create_study(study_name="toy", storage=storage, pruner=pruner)
    assert WriteBehindStudy(stored, storage).study.pruner is pruner


def test_a_second_program_that_adds_trials_is_refused(storage: RDBStorage) -> None:
    kept, other = opened(storage), opened(storage)
    other.study.ask()
    other.save()
    kept.study.ask()
    with pytest.raises(StudyConflictError, match="has 1 trials in its database, expected 0: another program"):
        kept.save()


def test_nothing_is_written_where_nothing_changed(storage: RDBStorage) -> None:
    kept = opened(storage)
    fill(kept.study)
    kept.save()
    statements: list[str] = []
    sqlalchemy.event.listen(storage.engine, "before_cursor_execute", lambda *event: statements.append(event[2]))
    kept.save()
    assert statements == []


def test_a_batch_that_fails_leaves_nothing_behind_and_can_be_saved_later(storage: RDBStorage) -> None:
    kept = opened(storage)
    fill(kept.study)

    def refuse(*event: Any) -> None:
        if "trial_system_attributes" in event[2]:
            raise RuntimeError("the disk is full")

    sqlalchemy.event.listen(storage.engine, "before_cursor_execute", refuse)
    with pytest.raises(RuntimeError, match="the disk is full"):
        kept.save()
    before = in_database(storage)
    sqlalchemy.event.remove(storage.engine, "before_cursor_execute", refuse)
    kept.save()
    assert before == []
    assert describe(in_database(storage)) == describe(without_ids(kept.study))


def test_it_knows_which_trials_the_database_has(storage: RDBStorage) -> None:
    kept = opened(storage)
    kept.study.ask()
    before = kept.has(0)
    kept.save()
    assert (before, kept.has(0), kept.has(1)) == (False, True, False)
