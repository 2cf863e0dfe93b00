"""The study: asks its sampler for trials, keeps their story in Optuna's database, and is told their ends."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from objectives.evaluation.metrics import METRICS
from objectives.messages import Decision, EpochReport
from reports.stored.records import TrialRecord, schema
from search.settings import RunSettings
from search.storage.write_behind import StudyInMemory
from search.study.design import design_of
from search.study.history import History
from search.study.pruners import (
    make_pruner,
)
from search.study.samplers import (
    make_sampler,
)
from search.study.suggest import TrialSuggest
from spaces.errors import StudyConflictError
from spaces.parameters import Parameter
from spaces.recipe import ImageShape, Recipe
from spaces.space import Parameters, Space

BASELINE = "baseline"
"""Trial attribute: name of the hand-made baseline that a trial is."""
FORM = "tamiz:format"
"""Study attribute: version of the attributes of its trials, that of the records in a run folder."""
START = "start"
"""Trial attribute: name of the space's recommended start that a trial is."""


class Study:
    """An Optuna study, its space and its sampler: everything that asks and is told."""

    def __init__(
        self,
        study: optuna.Study,
        *,
        space: Space,
        parameters: Sequence[Parameter],
        settings: RunSettings,
        images: ImageShape,
        classes: int,
        stored: StudyInMemory | None = None,
    ) -> None:
        """Search `space` for images of that shape.

        Args:
            study: of Optuna, in memory.
            space: what to suggest.
            parameters: the space's.
            settings: of the run.
            images: shape of the images.
            classes: how many there are.
            stored: `study` and its database; None: it is kept nowhere.

        Raises:
            StudyConflictError: the space has changed since the study was begun.
        """
        self._study = study
        self._stored = stored
        self._history = History()
        self._space = space
        self._parameters = parameters
        self._settings = settings
        self._images = images
        self._classes = classes
        _check_choices(study, parameters)

    def queue(self, baselines: Mapping[str, Parameters], starts: Mapping[str, Parameters]) -> None:
        """Let the hand-made baselines be asked first, then the recommended starts, then a design, if the space is one.

        Does nothing in a study that has trials.
        """
        if self._study.get_trials(deepcopy=False):
            return
        for name, params in baselines.items():
            self._study.enqueue_trial(dict(params), user_attrs={BASELINE: name})
        for name, params in starts.items():
            self._study.enqueue_trial(dict(params), user_attrs={START: name})
        if self._space.repeats is not None:
            design = list(design_of(self._parameters, repeats=self._space.repeats))
            for params in baselines.values():
                if params in design:
                    design.remove(params)  # the baseline is the combination's first repeat
            for params in design:
                self._study.enqueue_trial(dict(params))

    def total(self, wanted: int) -> int:
        """How many trials the study comes to: as many as are wanted, or all that its design has."""
        return wanted if self._space.repeats is None else min(wanted, len(self._study.get_trials(deepcopy=False)))

    def started(self) -> int:
        """How many trials have been asked for, in this run and earlier ones."""
        waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return len(self._study.get_trials(deepcopy=False)) - len(waiting)

    def interrupted(self) -> list[optuna.Trial]:
        """Trials that an earlier run left under way."""
        left = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [optuna.Trial(self._study, trial._trial_id) for trial in left]

    def ask(self) -> optuna.Trial | None:
        """Return a new trial; None when every point of a grid or a design has been tried."""
        is_design = self._space.repeats is not None
        if is_design and not self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return None
        name = "random" if is_design else self._settings.sampler  # a design leaves nothing to sample
        sampler = make_sampler(
            name,
            seed=self._settings.seed,
            number=self.started(),
            parameters=self._parameters,
            history=self._history,
        )
        if isinstance(sampler, optuna.samplers.GridSampler) and sampler.is_exhausted(self._study):
            return None
        self._study.sampler = sampler
        return self._study.ask()

    def suggest(self, trial: optuna.Trial) -> Recipe:
        """Let the space choose a recipe; what an interrupted trial had chosen stays chosen.

        Raises:
            SpaceError: the space fails.
        """
        return self._space.suggest(TrialSuggest(trial, images=self._images, classes=self._classes))

    def decide(self, trial: optuna.Trial, report: EpochReport) -> Decision:
        """Enter an epoch's score and decide whether the training goes on.

        Hand-made baselines are trained to their end, so that the answer can be held against them; so are
        the trials of a design.
        """
        self.enter(trial, [(report.epoch, report.score)])
        if report.epoch >= self._settings.epochs:
            return Decision.FINISH
        may_prune = BASELINE not in trial.user_attrs and self._space.repeats is None
        return Decision.PRUNE if may_prune and trial.should_prune() else Decision.CONTINUE

    def enter(self, trial: optuna.Trial, scores: Iterable[tuple[int, float]]) -> None:
        """Enter scores by epoch; one that the trial has already, of a training done again, is not entered twice."""
        for epoch, score in scores:
            if epoch not in self._frozen(trial).intermediate_values:
                trial.report(score, epoch)

    def save(self) -> None:
        """Bring the study's database up to date.

        Raises:
            sqlalchemy.exc.DBAPIError: the database gave up.
            StudyConflictError: another program adds trials to the study.
        """
        if self._stored is not None:
            self._stored.save()

    def spool(self) -> int:
        """Keep what the database lacks in the run folder, and return how many trials that is; raises OSError."""
        return 0 if self._stored is None else self._stored.spool()

    def is_new(self, trial: int) -> bool:
        """Whether the database does not know yet that a trial was asked for."""
        return self._stored is not None and not self._stored.has_begun(trial)

    def tell(self, trial: optuna.Trial, record: TrialRecord) -> None:
        """End a trial as its record says; what the dashboard shows of it goes first, since a told trial is frozen."""
        attributes = {
            "epochs": record.epochs,
            "best_epoch": record.best_epoch,
            "parameters": record.parameters,
            "seconds_training": round(record.seconds_training, 3),
            "seed": record.seed,
            "attempt": record.attempt,
            "cause": record.cause,
            "message": record.message,
            "note": record.note,
        }
        for name, value in attributes.items():
            if value is not None:
                trial.set_user_attr(name, value)
        if isinstance(self._study.sampler, optuna.samplers.GridSampler):
            self._study.sampler = optuna.samplers.RandomSampler()  # a grid's own ending is for Study.optimize
        state = TrialState[record.state]
        self._study.tell(
            trial, record.score if state == TrialState.COMPLETE else None, state=state, skip_if_finished=True
        )

    @property
    def name(self) -> str:
        """The study's."""
        return self._settings.study

    @property
    def epochs(self) -> int:
        """Epochs of a trial that is not pruned."""
        return self._settings.epochs

    def best(self) -> optuna.trial.FrozenTrial | None:
        """Return the completed trial with the best score, of equals the first; None before one completed."""
        return self._history.best(self._study)

    def is_better(self, score: float, than: float) -> bool:
        """Whether one score beats another, in the study's direction."""
        return score > than if self._study.direction == optuna.study.StudyDirection.MAXIMIZE else score < than

    def _frozen(self, trial: optuna.Trial) -> optuna.trial.FrozenTrial:
        return self._study._storage.get_trial(trial._trial_id)


def open_study(storage: RDBStorage, settings: RunSettings, *, spool: Path | None = None) -> StudyInMemory:
    """Open the study of these settings, or make it, with what its database missed from the spool.

    Raises:
        UsageError: the spool is damaged.
        StudyConflictError: it is there to be led in the other direction.
    """
    direction = METRICS[settings.metric].direction
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            study_name=settings.study,
            storage=storage,
            direction=optuna.study.StudyDirection[direction.name],
            pruner=make_pruner(settings.pruner, settings.epochs),
            load_if_exists=True,
        )
        there = [one.name.lower() for one in study.directions]
        if there != [direction]:
            raise StudyConflictError(
                f"study '{settings.study}' is there to {' and '.join(there)}, and {settings.metric} is to "
                f"{direction}; choose another --study"
            )
        study.set_metric_names([settings.metric])
    stored = StudyInMemory(study, storage, spool=spool)
    form = stored.study.user_attrs.get(FORM, schema)
    if not isinstance(form, int) or form > schema:
        raise StudyConflictError(
            f"study '{settings.study}' is of format {form} in its database; this Tamiz knows formats up to {schema}. "
            "Update Tamiz, or choose another --study"
        )
    stored.study.set_user_attr(FORM, schema)
    return stored


def _check_choices(study: optuna.Study, parameters: Sequence[Parameter]) -> None:
    """Refuse trials that chose among other choices: neither samplers nor a report can hold them against new ones."""
    offered = {one.name: one.choices for one in parameters if one.choices is not None}
    for trial in study.get_trials(deepcopy=False):
        for name, distribution in trial.distributions.items():
            were = getattr(distribution, "choices", None)
            if name in offered and were is not None and tuple(were) != tuple(offered[name]):
                raise StudyConflictError(
                    f"study '{study.study_name}' was begun when its space offered {_listed(were)} for {name}; "
                    f"now it offers {_listed(offered[name])}. Choose another --study, or --fork NEW where choices were "
                    "only added"
                )


def _listed(choices: Iterable[object]) -> str:
    return ", ".join(map(str, choices))
