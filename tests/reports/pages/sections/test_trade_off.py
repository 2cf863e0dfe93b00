"""What a good score costs: the trials that none beats in both, and studies of two objectives."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import optuna
import pytest

from objectives.evaluation.metrics import Direction
from reports.findings.importances import find_importances
from reports.pages.page import render
from reports.pages.sections.trade_off import find_trade_off, trade_off_chart
from reports.stored.read import read_run
from reports.stored.run import Run
from tests.reports.run_folders import optuna_quiet, write_run


def weighing(run: Run, *trials: tuple[float, int]) -> Run:
    """Return a run of finished trials with these scores and weights."""
    first = run.ranked[0]
    assert first.record is not None
    made = [
        dataclasses.replace(
            first, number=n, score=score, record=dataclasses.replace(first.record, score=score, parameters=weights)
        )
        for n, (score, weights) in enumerate(trials)
    ]
    return dataclasses.replace(run, trials=tuple(made), measurement=None)


@pytest.mark.parametrize(
    ("trials", "front"),
    [
        ([(0.9, 100), (0.8, 50), (0.7, 60)], [0, 1]),
        ([(0.9, 100), (0.9, 40), (0.8, 50)], [1]),
        ([(0.9, 40), (0.9, 40), (0.8, 50)], [0]),
        ([(0.5, 10), (0.9, 1000), (0.7, 10)], [1, 2]),
    ],
)
def test_the_front_is_what_no_trial_beats_in_both(
    digits_run: Run, trials: list[tuple[float, int]], front: list[int]
) -> None:
    found = find_trade_off(weighing(digits_run, *trials))
    assert found is not None
    assert [trial.number for _, trial in found.front] == front


def test_the_front_of_a_metric_to_minimize(digits_run: Run) -> None:
    record = dataclasses.replace(digits_run.record, metric="val_loss", direction=Direction.MINIMIZE)
    run = dataclasses.replace(weighing(digits_run, (0.1, 100), (0.3, 50), (0.4, 60)), record=record)
    found = find_trade_off(run)
    assert found is not None
    assert [trial.number for _, trial in found.front] == [0, 1]


def test_the_sentence_goes_from_the_best_to_the_smallest(digits_run: Run) -> None:
    run = weighing(digits_run, (0.9, 1000), (0.85, 50), (0.7, 60))
    found = find_trade_off(run)
    assert found is not None
    assert found.sentence("val_accuracy") == (
        "2 trials of 3 are not beaten by one that scores as well with fewer: "
        "trial 0 (90.00 %, 1,000 weights); trial 1 (85.00 %, 50 weights)."
    )


def test_networks_of_one_size_cost_the_same(digits_run: Run) -> None:
    assert find_trade_off(weighing(digits_run, (0.9, 100), (0.8, 100))) is None


@pytest.fixture
def two_objectives(tmp_path: Path) -> Run:
    """A run whose study has two objectives: its score, and the seconds that an image takes."""
    folder = write_run(tmp_path / "run", trials=8, distinct=4)
    run = read_run(folder)
    assert run.study is not None
    stored = run.study.get_trials(deepcopy=False)
    (folder / "study.db").unlink()
    with optuna_quiet():
        study = optuna.create_study(
            study_name="digits", storage=f"sqlite:///{folder / 'study.db'}", directions=["maximize", "minimize"]
        )
    for trial in stored:
        values = None if trial.value is None else [trial.value, float(trial.number + 1)]
        state = trial.state if values else optuna.trial.TrialState.FAIL
        study.add_trial(
            optuna.create_trial(state=state, params=trial.params, distributions=trial.distributions, values=values)
        )
    study._storage.remove_session()
    return read_run(folder)


def test_a_study_of_two_objectives_is_shown_by_the_first_and_weighed_by_the_second(two_objectives: Run) -> None:
    found = find_trade_off(two_objectives)
    assert two_objectives.gaps == ()
    assert found is not None
    assert {trial.number: other for other, trial in found.points} == {n: n + 1 for n in (0, 1, 3, 4, 7)}
    page = render(two_objectives)
    assert "This study has 2 objectives; this page ranks by the first, validation accuracy." in page
    assert trade_off_chart(found, two_objectives).alternative in page


def test_importances_of_two_objectives_are_of_the_first(two_objectives: Run) -> None:
    shares = find_importances(two_objectives).shares
    assert sum(shares.values()) == pytest.approx(1.0)
