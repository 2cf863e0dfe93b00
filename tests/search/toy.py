"""A toy study for tests of the driver: one parameter, an in-memory database, a progress that only listens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import optuna

from objectives.records import EpochReport
from reports.records import TrialRecord
from search.progress import SearchPlan
from search.samplers import make_pruner
from search.settings import RunSettings
from search.study import Study
from spaces.parameters import find_parameters
from spaces.recipe import ConvNet, Fit, ImageShape, Recipe, Stage
from spaces.space import Parameters, Space
from spaces.suggest import Suggest

IMAGES = ImageShape(height=8, width=8, channels=1)
RECIPE = Recipe(network=ConvNet(stages=(Stage(filters=2, convolutions=1),), kernel=3), fit=Fit(learning_rate=0.01))


def suggest(trial: Suggest) -> Recipe:
    """Choose a number of filters and a rate."""
    return Recipe(
        network=ConvNet(stages=(Stage(filters=trial.suggest_int("filters", 1, 8), convolutions=1),), kernel=3),
        fit=Fit(learning_rate=trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True)),
    )


def toy_space(baselines: Mapping[str, Parameters] | None = None, *, choose: object = suggest) -> Space:
    """Return a space of two parameters."""
    assert callable(choose)
    return Space(
        name="toy",
        docstring="A toy.",
        suggest=choose,
        baselines=baselines or {},
        default_data="digits",
        module="toy",
        file="toy.py",
        digest="sha256:0",
    )


def toy_settings(
    *, trials: int = 4, epochs: int = 3, sampler: str = "random", pruner: str = "none", runs: str = "runs"
) -> RunSettings:
    """Return settings of a toy study."""
    return RunSettings(
        space="toy", study="toy", data="digits", trials=trials, epochs=epochs, sampler=sampler, pruner=pruner, runs=runs
    )


def toy_study(
    settings: RunSettings, *, space: Space | None = None, storage: optuna.storages.BaseStorage | None = None
) -> Study:
    """Return a study in memory, or in `storage`, continued if it is there."""
    space = space or toy_space()
    study = optuna.create_study(
        study_name=settings.study,
        storage=storage,
        direction="maximize",
        pruner=make_pruner(settings.pruner, settings.epochs),
        load_if_exists=True,
    )
    wrapped = Study(
        study,
        space=space,
        parameters=find_parameters(space, images=IMAGES, classes=3)
        if settings.sampler == "grid" or space.repeats
        else (),
        settings=settings,
        images=IMAGES,
        classes=3,
    )
    wrapped.queue(space.baselines, space.starts)
    return wrapped


@dataclass
class ListeningProgress:
    """Keeps what it is told."""

    ended_trials: list[TrialRecord] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def phase(self, line: str) -> None:
        """Nothing to keep."""

    def started(self, plan: SearchPlan) -> None:
        """Nothing to keep."""

    def trial_started(self, trial: int, params: Parameters, *, worker: int) -> None:
        """Nothing to keep."""

    def epoch_reported(self, trial: int, report: EpochReport, *, worker: int) -> None:
        """Nothing to keep."""

    def trial_ended(self, record: TrialRecord) -> None:
        """Keep the record."""
        self.ended_trials.append(record)

    def note(self, line: str) -> None:
        """Keep the line."""
        self.notes.append(line)

    def ended(self) -> None:
        """Nothing to keep."""
