"""What is known of a study's trials: the best, and the window that TPE learns from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, SupportsIndex

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.algorithms.history import History

LEARNT = (TrialState.COMPLETE, TrialState.PRUNED)
SHOWN = (*LEARNT, TrialState.RUNNING)
MOST, LATEST = 12, 9


def some_trials(*, direction: str, seed: int) -> Iterator[optuna.Study]:
    """Yield a study after each step of its story: trials overlap, end out of order and in all states, and tie."""
    draw = random.Random(seed)
    study = optuna.create_study(direction=direction)
    running: list[optuna.Trial] = []
    for _ in range(150):
        if len(running) < draw.randint(1, 4):
            running.append(study.ask())
        else:
            trial = running.pop(draw.randrange(len(running)))
            state = draw.choice([TrialState.COMPLETE] * 4 + [TrialState.PRUNED, TrialState.FAIL])
            study.tell(trial, draw.randint(0, 9) / 10 if state == TrialState.COMPLETE else None, state=state)
        if draw.random() < 0.05:
            study.enqueue_trial({})
        yield study


def numbers(trials: list[FrozenTrial]) -> list[int]:
    """Return the trials' numbers."""
    return [trial.number for trial in trials]


def by_definition(study: optuna.Study, states: tuple[TrialState, ...]) -> list[int]:
    """Return the numbers of the trials in a window, found by looking at all of them."""
    trials = study.get_trials(states=states)
    if len(trials) <= MOST:
        return numbers(trials)
    earlier, latest = trials[:-LATEST], trials[-LATEST:]
    complete = [trial for trial in earlier if trial.state == TrialState.COMPLETE]
    is_higher_better = study.direction == optuna.study.StudyDirection.MAXIMIZE
    best = sorted(complete, key=lambda trial: trial.value or 0.0, reverse=is_higher_better)[: MOST - LATEST]
    return sorted(numbers(best)) + numbers(latest)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@pytest.mark.parametrize("states", [LEARNT, SHOWN])
def test_a_window_holds_the_best_and_the_latest(direction: str, states: tuple[TrialState, ...]) -> None:
    history = History()
    found, defined = [], []
    for study in some_trials(direction=direction, seed=1):
        found.append(numbers(history.window(study, states, most=MOST, latest=LATEST)))
        defined.append(by_definition(study, states))
    assert found == defined


def test_a_history_made_anew_says_the_same() -> None:
    kept = History()
    old, new = [], []
    for study in some_trials(direction="maximize", seed=2):
        old.append((kept.best(study), kept.window(study, SHOWN, most=MOST, latest=LATEST)))
        new.append((History().best(study), History().window(study, SHOWN, most=MOST, latest=LATEST)))
    assert old == new


@pytest.mark.parametrize(("direction", "best"), [("maximize", 2), ("minimize", 1)])
def test_the_best_is_the_first_of_equals_whichever_ended_first(direction: str, best: int) -> None:
    study = optuna.create_study(direction=direction)
    history = History()
    for _ in range(6):
        study.ask()
    for number, score in ((4, 0.9), (3, 0.1), (0, 0.5), (2, 0.9), (1, 0.1)):
        history.best(study)
        study.tell(number, score)
    found = history.best(study)
    assert found is not None
    assert found.number == best


def test_there_is_no_best_before_a_trial_completed() -> None:
    study = optuna.create_study()
    study.tell(study.ask(), state=TrialState.PRUNED)
    study.ask()
    assert History().best(study) is None


class Watched(list[FrozenTrial]):
    """Trials that count how often one of them is looked at."""

    looks = 0

    def __getitem__(self, place: SupportsIndex | slice) -> Any:
        """Count, and return it."""
        self.looks += 1
        return super().__getitem__(place)

    def __iter__(self) -> Iterator[FrozenTrial]:
        """Count those that are taken."""
        for trial in super().__iter__():
            self.looks += 1
            yield trial

    def __reversed__(self) -> Iterator[FrozenTrial]:
        """Count those that are taken."""
        for trial in super().__reversed__():
            self.looks += 1
            yield trial


def test_asked_again_it_looks_at_no_more_than_its_window_and_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study()
    study.add_trials([create_trial(value=float(number)) for number in range(1000)])
    history = History()
    history.best(study)
    study.tell(study.ask(), 0.5)
    trials = Watched(study.get_trials(deepcopy=False))
    monkeypatch.setattr(study, "_get_trials", lambda *, deepcopy: trials)
    history.window(study, SHOWN, most=MOST, latest=LATEST)
    history.best(study)
    assert trials.looks <= 1 + (MOST + 1) + (MOST - LATEST) + 1
