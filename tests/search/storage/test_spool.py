"""The spool: what a database could not take comes back as it was."""

from __future__ import annotations

import datetime
import math
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.storage import spool
from spaces.errors import StudyConflictError, UsageError


def trial(number: int, state: TrialState = TrialState.COMPLETE, *, minute: int = 0) -> FrozenTrial:
    """Return a trial with something of everything."""
    made = create_trial(
        state=state,
        value=0.25 if state is TrialState.COMPLETE else None,
        params={"stages": 2, "rate": 0.01, "pooling": "max", "norm": True},
        distributions={
            "stages": IntDistribution(1, 4),
            "rate": FloatDistribution(1e-4, 1e-1, log=True),
            "pooling": CategoricalDistribution(["max", "average"]),
            "norm": CategoricalDistribution([True, False]),
        },
        intermediate_values={1: 0.5, 2: math.inf},
        user_attrs={"cause": "ünï\ncode", "seed": 7},
        system_attrs={"fixed_params": {"stages": 2}},
    )
    made.number, made._trial_id = number, -1
    made.datetime_start = datetime.datetime(2030, 1, 1, 12, minute, 3, 250_000)
    return made


def test_what_is_spooled_reads_back_the_same(tmp_path: Path) -> None:
    trials = [trial(3), trial(4, TrialState.RUNNING), trial(5, TrialState.FAIL)]
    spool.write(tmp_path / "spool.jsonl", trials)
    assert spool.read(tmp_path / "spool.jsonl") == trials


def test_without_a_spool_nothing_was_missed(tmp_path: Path) -> None:
    assert spool.read(tmp_path / "spool.jsonl") == []


@pytest.mark.parametrize("text", ["{", "[]", '{"number": 1}', "null", '{"number": "x", "state": "COMPLETE"}'])
def test_a_damaged_spool_is_one_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "spool.jsonl").write_text(text)
    with pytest.raises(UsageError, match="spool.jsonl is damaged .*\nIt holds trials that the study's database lacks"):
        spool.read(tmp_path / "spool.jsonl")


def test_what_the_database_has_ended_is_not_ended_again() -> None:
    stored = [trial(0), trial(1, TrialState.RUNNING)]
    spooled = [trial(0), trial(1), trial(2)]
    assert list(spool.newer_trials(stored, spooled, study="s")) == [1, 2]


def test_a_baseline_that_was_waiting_in_the_database_may_have_begun() -> None:
    assert list(spool.newer_trials([trial(0, TrialState.WAITING)], [trial(0)], study="s")) == [0]


@pytest.mark.parametrize(
    ("stored", "spooled"),
    [
        ([trial(0, TrialState.RUNNING, minute=1)], [trial(0)]),  # begun at another time: another program's
        ([trial(0)], [trial(2)]),
    ],
)
def test_a_spool_of_another_study_is_refused(stored: list[FrozenTrial], spooled: list[FrozenTrial]) -> None:
    with pytest.raises(StudyConflictError, match=f"trial {spooled[0].number} of study 's' differs"):
        spool.newer_trials(stored, spooled, study="s")


def test_optuna_takes_them_as_its_own(tmp_path: Path) -> None:
    spool.write(tmp_path / "spool.jsonl", [trial(0), trial(1, TrialState.RUNNING)])
    study = optuna.create_study()
    study.add_trials(spool.read(tmp_path / "spool.jsonl"))
    assert (study.best_value, [one.state.name for one in study.trials]) == (0.25, ["COMPLETE", "RUNNING"])
