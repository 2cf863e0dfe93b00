"""The loop, with scripted workers: no Ray, no Keras."""

from __future__ import annotations

import itertools
import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from objectives.messages import Decision, TrainingTask
from reports.stored.outcome import EXHAUSTED, GRID_TRIED
from search.driver.loop import Search
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from search.storage.retry import RetryingSaver
from search.study.study import Study
from search.system.disk import DiskGuard
from search.system.signals import StopRequest
from search.trainings.limits import TrialBudget, TrialTimer
from search.workers.stalls import StallDetector
from spaces.errors import NothingCompletedError, SpaceError
from spaces.parameters import RandomSuggest
from spaces.recipe import Fit, Recipe
from spaces.space import Space
from spaces.suggest import Suggest
from tests.search.fixtures.parts import search_parts
from tests.search.fixtures.scripted_workers import Play, ScriptedWorkers, diverged, lost, steady
from tests.search.fixtures.toy import IMAGES, RECIPE, ListeningProgress, suggest, toy_settings, toy_space, toy_study


class Stage:
    """One run of a toy study, with everything that a test may look at afterwards."""

    def __init__(
        self,
        tmp_path: Path,
        play: Callable[[TrainingTask], Play],
        *,
        settings: RunSettings | None = None,
        space: Space | None = None,
        storage: optuna.storages.BaseStorage | None = None,
        count: int = 1,
        until: float | None = None,
        budget: TrialBudget | None = None,
        study: Study | None = None,
        interrupt_at: int | None = None,
        stalls: StallDetector | None = None,
        timer: TrialTimer | None = None,
        workers: ScriptedWorkers | None = None,
        patience: Callable[[Study, ListeningProgress], RetryingSaver] | None = None,
        disk: DiskGuard | None = None,
        progress: ListeningProgress | None = None,
    ) -> None:
        self.settings = settings or toy_settings()
        self.study = study or toy_study(self.settings, space=space, storage=storage)
        self.workers = workers or ScriptedWorkers(play, count=count, interrupt_at=interrupt_at)
        self.progress = progress or ListeningProgress()
        self.folder = RunFolder.at(tmp_path, self.settings.study)
        self.stop = StopRequest(self.progress.note)
        self.search = Search(
            search_parts(
                settings=replace(self.settings, until=until),
                study=self.study,
                workers=self.workers,
                folder=self.folder,
                progress=self.progress,
                stop=self.stop,
                budget=budget,
                timer=timer,
                stalls=stalls,
                saver=None if patience is None else patience(self.study, self.progress),
                disk=disk,
            )
        )

    @property
    def states(self) -> list[str]:
        return [record.state for record in self.progress.ended_trials]

    @property
    def started(self) -> list[int]:
        return [task.trial for task in self.workers.tasks]


def interrupting(trial: int) -> Callable[[TrainingTask], Play]:
    """Return steady trainings, during the given one of which somebody presses Ctrl-C."""

    def play(task: TrainingTask) -> Play:
        if task.trial == trial:
            os.kill(os.getpid(), signal.SIGINT)
        return steady(0.5)

    return play


def test_trains_as_many_trials_as_were_asked_for(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: steady(0.5))
    stage.search.run()
    assert stage.states == ["COMPLETE"] * 4


def test_the_total_counts_trials_of_earlier_runs(tmp_path: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    Stage(tmp_path, lambda task: steady(0.5), storage=storage).search.run()
    second = Stage(tmp_path, lambda task: steady(0.5), storage=storage, settings=toy_settings(trials=6))
    second.search.run()
    assert second.started == [4, 5]


def test_several_workers_are_kept_busy(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: steady(0.5), count=3)
    stage.search.run()
    assert sorted(stage.started) == [0, 1, 2, 3]


def test_baselines_are_tried_first_and_to_their_end(tmp_path: Path) -> None:
    space = toy_space({"by_hand": {"filters": 3, "learning_rate": 0.01}})
    settings = toy_settings(trials=8, pruner="median")
    stage = Stage(tmp_path, lambda task: steady(0.9 if task.trial else 0.1), space=space, settings=settings)
    stage.search.run()
    first = stage.progress.ended_trials[0]
    assert (first.baseline, first.state, dict(first.params)) == (
        "by_hand",
        "COMPLETE",
        {"filters": 3, "learning_rate": 0.01},
    )


def test_recommended_starts_come_after_the_baselines_and_may_be_pruned(tmp_path: Path) -> None:
    baselines = {f"by_hand_{n}": {"filters": n, "learning_rate": 0.01} for n in range(1, 6)}
    space = replace(toy_space(baselines), starts={"advised": {"filters": 7, "learning_rate": 0.02}})
    settings = toy_settings(trials=6, pruner="median")
    stage = Stage(tmp_path, lambda task: steady(0.1 if task.trial == 5 else 0.9), space=space, settings=settings)
    stage.search.run()
    last = stage.progress.ended_trials[-1]
    assert (last.trial, last.start, last.baseline, last.state, dict(last.params)) == (
        5,
        "advised",
        None,
        "PRUNED",
        {"filters": 7, "learning_rate": 0.02},
    )


def test_a_hopeless_trial_is_pruned_early(tmp_path: Path) -> None:
    settings = toy_settings(trials=6, pruner="median")
    stage = Stage(tmp_path, lambda task: steady(0.1 if task.trial == 5 else 0.9), settings=settings)
    stage.search.run()
    last = stage.progress.ended_trials[-1]
    assert (last.trial, last.state, last.epochs) == (5, "PRUNED", 1)


@pytest.mark.parametrize(
    ("fit", "epochs"), [({"warmup": 0.1}, 1), ({"schedule": "one_cycle"}, 3), ({"warmup": 0.5}, 5)]
)
def test_no_trial_is_pruned_while_its_learning_rate_rises(
    tmp_path: Path, fit: dict[str, str | float], epochs: int
) -> None:
    toy = toy_space()

    def suggest(trial: Suggest) -> Recipe:
        recipe = toy.suggest(trial)
        return replace(recipe, fit=replace(recipe.fit, **fit))

    settings = toy_settings(trials=6, epochs=10, pruner="median")
    space = replace(toy, suggest=suggest)
    stage = Stage(tmp_path, lambda task: steady(0.1 if task.trial == 5 else 0.9), space=space, settings=settings)
    stage.search.run()
    last = stage.progress.ended_trials[-1]
    assert (last.trial, last.state, last.epochs) == (5, "PRUNED", epochs)


def test_the_result_is_recorded_before_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, lambda task: steady(0.5))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stage.study, "tell", crash)
    with pytest.raises(KeyboardInterrupt):
        stage.search.run()
    record = stage.folder.read_trial(0)
    assert record is not None
    assert record.state == "COMPLETE"


def test_a_recorded_but_untold_trial_is_told_and_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = optuna.storages.InMemoryStorage()
    first = Stage(tmp_path, lambda task: steady(0.7), storage=storage)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(first.study, "tell", crash)
    with pytest.raises(KeyboardInterrupt):
        first.search.run()
    second = Stage(tmp_path, lambda task: steady(0.5), storage=storage)
    second.search.run()
    best = second.study.best()
    assert best is not None
    assert (second.started, best.number, best.value) == ([1, 2, 3], 0, 0.7)


def test_an_interrupted_trial_goes_on_with_its_choices_and_seed(tmp_path: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    first = Stage(tmp_path, interrupting(0), storage=storage)
    with first.stop, first.stop.in_order():
        first.search.run()
    second = Stage(tmp_path, lambda task: steady(0.5), storage=storage)
    second.search.run()
    again = second.workers.tasks[0]
    assert replace(again, checkpoint=None) == first.workers.tasks[0]


def test_a_lost_worker_means_another_attempt_and_then_a_failed_trial(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: lost(0.1) if task.trial == 1 else steady(0.5))
    stage.search.run()
    attempts = [task.attempt for task in stage.workers.tasks if task.trial == 1]
    record = stage.folder.read_trial(1)
    assert record is not None
    assert (attempts, record.state, record.cause) == ([1, 2, 3], "FAIL", "worker_lost")


def test_a_diverged_trial_is_told_as_pruned_with_its_cause(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: diverged() if task.trial == 1 else steady(0.5))
    stage.search.run()
    record = stage.folder.read_trial(1)
    assert record is not None
    assert (record.state, record.cause, record.score) == ("PRUNED", "diverged", None)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_not_a_number_never_completes(tmp_path: Path, score: float) -> None:
    stage = Stage(tmp_path, lambda task: steady(score if task.trial == 1 else 0.5))
    stage.search.run()
    assert [(r.state, r.cause) for r in stage.progress.ended_trials if r.trial == 1] == [("PRUNED", "diverged")]


def test_what_trainings_say_of_themselves_is_said_once(tmp_path: Path) -> None:
    notes = ("computed in each epoch: why", "computed in 3 s", "taken as computed before", "taken as computed before")
    stage = Stage(tmp_path, lambda task: replace(steady(0.5), note=notes[task.trial]))
    stage.search.run()
    assert stage.progress.notes == [f"trial {number}: {note}" for number, note in enumerate(notes[:3])]


def test_the_same_failure_three_times_ends_the_search(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: diverged())
    with pytest.raises(NothingCompletedError, match="failed in the same way"):
        stage.search.run()
    assert len(stage.progress.ended_trials) == 3


def test_failures_after_a_success_do_not_end_the_search(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: diverged() if task.trial else steady(0.5), settings=toy_settings(trials=6))
    stage.search.run()
    assert stage.states == ["COMPLETE"] + ["PRUNED"] * 5


def test_an_error_in_the_space_fails_the_trial_and_keeps_their_message(tmp_path: Path) -> None:
    def choose(trial: Suggest) -> Recipe:
        recipe = suggest(trial)
        if recipe.fit.learning_rate > 0.02:
            raise SpaceError("space 'toy.py' fails in line 7")
        return recipe

    stage = Stage(tmp_path, lambda task: steady(0.5), space=toy_space(choose=choose), settings=toy_settings(trials=12))
    stage.search.run()
    failed = [record for record in stage.progress.ended_trials if record.state == "FAIL"]
    assert {record.message for record in failed} == {"space 'toy.py' fails in line 7"}


def test_stops_when_a_score_is_good_enough(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: steady(0.5 + task.trial / 10), until=0.6)
    stage.search.run()
    assert stage.started == [0, 1]


def test_stops_after_so_many_trials_without_a_better_score(tmp_path: Path) -> None:
    scores = [0.5, 0.6, 0.6, 0.4, 0.7, 0.3]
    settings = replace(toy_settings(trials=6), no_improvement_trials=2)
    stage = Stage(tmp_path, lambda task: steady(scores[task.trial]), settings=settings)
    stage.search.run()
    assert stage.started == [0, 1, 2, 3]
    assert stage.search.ended_early == "the last 2 trials brought no better score"


def test_a_trial_under_way_is_left_to_the_next_run_when_nothing_improves(tmp_path: Path) -> None:
    settings = replace(toy_settings(trials=9), no_improvement_trials=1)
    stage = Stage(tmp_path, lambda task: steady(0.5), settings=settings, count=3)
    stage.search.run()
    assert stage.states == ["COMPLETE", "COMPLETE", "COMPLETE"]
    assert stage.progress.phases == ["no gain is expected: finishing the current epochs"]


def test_trials_of_earlier_runs_count_for_it_too(tmp_path: Path) -> None:
    storage, settings = optuna.storages.InMemoryStorage(), toy_settings(trials=2)
    Stage(tmp_path, lambda task: steady(0.5), settings=settings, storage=storage).search.run()
    more = replace(settings, trials=9, no_improvement_trials=2)
    again = Stage(tmp_path, lambda task: steady(0.5), settings=more, storage=storage)
    again.search.run()
    assert again.started == [2]


def test_stops_when_little_more_is_to_be_gained(tmp_path: Path) -> None:
    def play(task: TrainingTask) -> Play:
        return steady(0.9 + 0.0001 * (task.trial * 7 % 10))

    settings = replace(toy_settings(trials=30), min_gain=0.01)
    stage = Stage(tmp_path, play, settings=settings)
    stage.search.run()
    assert len(stage.started) == 10  # the first time that there is an estimate
    assert stage.search.ended_early == "another 20 trials would likely gain less than 0.01"


def test_what_ends_a_search_early_is_shown_while_epochs_end(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: steady(0.5 + task.trial / 10), until=0.5, count=2)
    stage.search.run()
    assert stage.progress.phases == ["the score is reached: finishing the current epochs"]


def test_a_stop_lets_the_epoch_end_and_leaves_the_trial_to_the_next_run(tmp_path: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    stage = Stage(tmp_path, interrupting(1), storage=storage)
    with stage.stop, stage.stop.in_order():
        stage.search.run()
    again = Stage(tmp_path, lambda task: steady(0.5), storage=storage)
    again.search.run()
    assert (stage.states, again.started) == (["COMPLETE"], [1, 2, 3])


def test_a_time_that_is_up_leaves_trials_to_the_next_run(tmp_path: Path) -> None:
    seconds = iter(range(1000))
    budget = TrialBudget(trials=4, timeout_seconds=10, clock=lambda: next(seconds))
    stage = Stage(tmp_path, lambda task: steady(0.5), budget=budget)
    stage.search.run()
    assert 0 < stage.study.started() < 4 or len(stage.study.interrupted()) == 1


def _choose_two(trial: Suggest) -> Recipe:
    return replace(
        suggest(RandomSuggest(seed=0, images=IMAGES, classes=3)),
        pixels=trial.suggest_categorical("pixels", ["unit", "raw"]),
        output=trial.suggest_categorical("output", ["softmax", "sigmoid"]),
    )


def _design(tmp_path: Path, play: Callable[[TrainingTask], Play], *, pruner: str = "none") -> Stage:
    space = replace(toy_space({"plain": {"pixels": "unit", "output": "softmax"}}, choose=_choose_two), repeats=3)
    stage = Stage(tmp_path, play, space=space, settings=toy_settings(trials=99, pruner=pruner))
    stage.search.run()
    return stage


def test_a_design_tries_each_combination_so_many_times_and_ends(tmp_path: Path) -> None:
    tasks = _design(tmp_path, lambda task: steady(0.5)).workers.tasks
    combinations = [(task.recipe.pixels, task.recipe.output) for task in tasks]
    assert Counter(combinations) == dict.fromkeys(itertools.product(["unit", "raw"], ["softmax", "sigmoid"]), 3)
    assert len(set(combinations[:4])) == 4


def test_the_repeats_of_a_design_have_seeds_of_their_own(tmp_path: Path) -> None:
    assert len({task.seed for task in _design(tmp_path, lambda task: steady(0.5)).workers.tasks}) == 12


def test_a_design_knows_how_many_trials_it_comes_to() -> None:
    space = replace(toy_space({"plain": {"pixels": "unit", "output": "softmax"}}, choose=_choose_two), repeats=3)
    design, other = toy_study(toy_settings(), space=space), toy_study(toy_settings())
    assert (design.total(99), design.total(5), other.total(99)) == (12, 5, 99)


def test_a_design_prunes_nothing(tmp_path: Path) -> None:
    stage = _design(tmp_path, lambda task: steady(0.1 if task.trial > 6 else 0.9), pruner="median")
    assert stage.states == ["COMPLETE"] * 12


def test_an_exhausted_grid_ends_the_search(tmp_path: Path) -> None:
    def choose(trial: Suggest) -> Recipe:
        recipe = suggest(trial)
        trial.suggest_categorical("extra", [True, False])
        return recipe

    settings = toy_settings(trials=200, sampler="grid", epochs=1)
    stage = Stage(tmp_path, lambda task: steady(0.5), space=toy_space(choose=choose), settings=settings)
    stage.search.run()
    assert len(stage.states) == 8 * 3  # the extra choice has no effect
    assert stage.search.ended_early == GRID_TRIED


def _choose_three(trial: Suggest) -> Recipe:
    one_of = [trial.suggest_categorical(name, [1, 2]) for name in "abc"]
    return replace(RECIPE, fit=Fit(learning_rate=0.1 * one_of[0], momentum=0.1 * one_of[1] + 0.3 * one_of[2]))


@pytest.mark.parametrize("sampler", ["tpe", "nearby", "random", "qmc", "cmaes", "nsga2", "grid"])
def test_a_space_of_eight_points_has_eight_trials_however_often_it_is_resumed(tmp_path: Path, sampler: str) -> None:
    storage = optuna.storages.InMemoryStorage()
    tried: dict[int, Recipe] = {}
    for total, ended_early in ((5, False), (16, True), (30, True)):
        settings = toy_settings(trials=total, sampler=sampler)
        space = toy_space(choose=_choose_three)
        stage = Stage(tmp_path, lambda task: steady(0.5), space=space, settings=settings, storage=storage)
        stage.search.run()
        tried |= {task.trial: task.recipe for task in stage.workers.tasks}
        assert (stage.search.ended_early in EXHAUSTED) == ended_early
    assert sorted(tried) == list(range(8))
    assert len(set(tried.values())) == 8


def test_a_recipe_whose_worker_was_lost_is_tried_again_before_the_space_is_exhausted(tmp_path: Path) -> None:
    def play(task: TrainingTask) -> Play:
        return lost() if task.trial == 3 else steady(0.5)

    stage = Stage(tmp_path, play, space=toy_space(choose=_choose_three), settings=toy_settings(trials=30))
    stage.search.run()
    assert Counter(stage.states) == {"COMPLETE": 8, "FAIL": 1}


def test_changes_without_effect_are_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.algorithms.nearby.NEARBY_SHARE", 1.0)

    def choose(trial: Suggest) -> Recipe:
        trial.suggest_categorical("without_effect", [0, 1, 2, 3])
        return suggest(trial)

    stages = []
    storage = optuna.storages.InMemoryStorage()
    for total in (20, 40):  # the second run finds the recipes of the first one's trials
        settings = toy_settings(trials=total, sampler="nearby", epochs=1)
        stages.append(
            Stage(
                tmp_path, lambda task: steady(0.5), space=toy_space(choose=choose), settings=settings, storage=storage
            )
        )
        stages[-1].search.run()
    tried = [record.params for stage in stages for record in stage.progress.ended_trials]
    effects = {(params["filters"], params["learning_rate"]) for params in tried}
    assert (len(tried), len(effects)) == (40, 40)


@pytest.mark.parametrize("sampler", ["tpe", "nearby", "random", "qmc", "cmaes", "nsga2"])
def test_an_interrupted_study_asks_what_an_undisturbed_one_would(tmp_path: Path, sampler: str) -> None:
    def params(stage: Stage) -> dict[int, dict[str, object]]:
        return {r.trial: dict(r.params) for r in stage.progress.ended_trials}

    whole = Stage(tmp_path / "a", lambda task: steady(0.5), settings=toy_settings(trials=14, sampler=sampler))
    whole.search.run()
    storage = optuna.storages.InMemoryStorage()
    halves: dict[int, dict[str, object]] = {}
    for total in (7, 14):
        half = Stage(
            tmp_path / "b",
            lambda task: steady(0.5),
            settings=toy_settings(trials=total, sampler=sampler),
            storage=storage,
        )
        half.search.run()
        halves |= params(half)
    assert halves == params(whole)


def test_decisions_are_continue_until_the_last_epoch(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: steady(0.5), settings=toy_settings(trials=1))
    stage.search.run()
    assert [decision for _, _, decision in stage.workers.decisions] == [
        Decision.CONTINUE,
        Decision.CONTINUE,
        Decision.FINISH,
    ]
