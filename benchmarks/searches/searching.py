"""Searches, and trains again what they found."""

from __future__ import annotations

import functools
import json
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import optuna

from benchmarks.searches.plan import FRESH, Plan
from benchmarks.searches.table import Row, Table, best_of, luck_numbers, trainings_of
from objectives.evaluation import predicting
from objectives.messages import Examples, Objective, StudyData
from objectives.training.failures import TrainingError
from objectives.training.training import Training
from reports.stored.records import TrialRecord
from search.algorithms.samplers import derive_seed
from search.driver.loop import Search
from search.driver.opened import opened
from search.driver.prepare import prepare
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from search.storage.url import study_url
from spaces.catalogue import find_space
from spaces.parameters import recipe_for
from spaces.recipe import ImageShape, Recipe


def search_and_repeat(plan: Plan, seed: int, table: Table) -> None:
    """Search with each sampler, and train again what won."""
    for sampler in plan.samplers:
        trials = _trials(table, plan, seed, sampler)
        if len(trials) < plan.trials:
            began = time.monotonic()
            trials = searched(plan, seed, sampler)
            table.add(trials)
            found = [best.score if best else None for best in best_of(trials)]
            print(f"seed {seed} {sampler}: sampler, start {found} {time.monotonic() - began:.0f} s", flush=True)
        for best in best_of(trials):
            if best is not None:
                _train(plan, best, table, FRESH)


def try_luck(plan: Plan, seed: int, table: Table) -> None:
    """Train the best start with as many other seeds as the sampler had trials."""
    trials = _trials(table, plan, seed, plan.samplers[0])
    _, start = best_of(trials)
    if start is not None:
        _train(plan, start, table, luck_numbers(trials))


def _trials(table: Table, plan: Plan, seed: int, sampler: str) -> list[Row]:
    of = (plan.space, plan.data, seed, sampler)
    return [row for row in table.rows if (row.space, row.data, row.images_seed, row.sampler) == of]


def searched(plan: Plan, seed: int, sampler: str) -> list[Row]:
    """Search as `python -m search run` does, but for the report."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, settings, progress = find_space(plan.space), plan.settings(seed, sampler), _Ended()
    with tempfile.TemporaryDirectory() as runs:
        folder = RunFolder.at(Path(runs), settings.study)
        url = study_url(None, folder.database)
        with opened(settings, space, folder, url, places={}, command="", began=time.monotonic(), progress=progress) as (
            parts,
            _,
            _,
        ):
            Search(parts).run()
    return [
        Row(
            space=plan.space,
            data=plan.data,
            images_seed=seed,
            sampler=sampler,
            trial=record.trial,
            name=record.start or record.baseline or "",
            state=record.state,
            score=math.nan if record.score is None else record.score,
            test=math.nan,
            number=record.trial,
            parameters=json.dumps(record.params, sort_keys=True),
        )
        for record in progress.records
    ]


class _Ended(Progress):
    """Keeps the trials that ended."""

    def __init__(self) -> None:
        self.records: list[TrialRecord] = []

    def trial_ended(self, record: TrialRecord) -> None:
        """Keep it."""
        self.records.append(record)


def _train(plan: Plan, trial: Row, table: Table, numbers: Sequence[int]) -> None:
    """Train a trial's recipe with other seeds, those that the table lacks."""
    for number in numbers:
        if (trial.images_seed, trial.parameters, number) in trainings_of(table.rows):
            continue
        data, shape = data_of(plan, trial.images_seed)
        recipe = recipe_for(
            find_space(plan.space), json.loads(trial.parameters), images=shape, classes=len(data.classes)
        )
        score, test = _measured(recipe, data, plan.epochs, seed=derive_seed(trial.images_seed, number))
        table.add([replace(trial, sampler="", trial=-1, state="", score=score, test=test, number=number)])


@functools.cache
def data_of(plan: Plan, seed: int) -> tuple[StudyData, ImageShape]:
    """Return the images of one seed."""
    with tempfile.TemporaryDirectory() as runs:
        settings = plan.settings(seed, plan.samplers[0])
        folder = RunFolder.at(Path(runs), settings.study)
        prepared = prepare(
            settings, space=find_space(plan.space), folder=folder, places={}, command="", progress=Progress()
        )
    return prepared.study_data, prepared.dataset.shape


class _Measured(Training):
    """A training that can also be measured on the test images."""

    def accuracy(self, examples: Examples) -> float:
        """Return the share of the examples that the network, as it is, gets right."""
        found = predicting.probabilities(self._compiled.network, examples).argmax(axis=1)
        return float((found == examples.labels[examples.indices]).mean())


def _measured(recipe: Recipe, data: StudyData, epochs: int, *, seed: int) -> tuple[float, float]:
    """Train, and return the best epoch's accuracy on the validation and on the test images."""
    try:
        objective = Objective(metric="val_accuracy", epochs=epochs)
        training = _Measured(recipe=recipe, data=data, objective=objective, seed=seed)
        for _ in range(epochs):
            training.advance()
        result = training.finish(keep_model=False)
    except TrainingError:
        return math.nan, math.nan
    assert data.test is not None
    return result.score, training.accuracy(data.test)
