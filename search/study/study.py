"""The study: suggests trials, records their scores and ends in Optuna's study, and decides which to prune."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import optuna
from optuna.trial import TrialState

from objectives.messages import Decision, EpochReport
from reports.stored.outcome import GRID_TRIED, NO_MORE, SPACE_TRIED
from reports.stored.records import TrialRecord
from search.algorithms.grid import design_of
from search.algorithms.history import History
from search.settings import RunSettings
from search.storage.write_behind import WriteBehindStudy
from search.study.choices import refuse_changed_choices
from search.study.constraints import constrain
from search.study.proposals import Proposals
from search.study.tried import Tried
from spaces.parameters import Parameter
from spaces.recipe import ImageShape, Recipe
from spaces.space import Parameters, Space
from spaces.suggest import TrialSuggest

BASELINE = "baseline"
"""Trial attribute: name of the hand-made baseline that a trial is."""
START = "start"
"""Trial attribute: name of the space's recommended start that a trial is."""


class Study:
    """An Optuna study with its space and its sampler."""

    def __init__(
        self,
        study: optuna.Study,
        *,
        space: Space,
        parameters: Sequence[Parameter],
        settings: RunSettings,
        images: ImageShape,
        classes: int,
        stored: WriteBehindStudy | None = None,
    ) -> None:
        """Wrap `study`, which is kept in memory.

        Args:
            study: Optuna's.
            space: suggests the trials.
            parameters: of the space.
            settings: of the run.
            images: shape of the images.
            classes: number of classes.
            stored: `study` together with its database; None: it is not stored.

        Raises:
            StudyConflictError: the space offered other choices when the study was created.
        """
        self._study = study
        self._stored = stored
        self._history = History()
        self._space = space
        self._parameters = parameters
        self._settings = settings
        self._images = images
        self._classes = classes
        self._tried = Tried(
            space,
            parameters,
            images=images,
            classes=classes,
            seed=settings.seed,
            is_grid=settings.sampler == "grid",
        )
        self._proposals = Proposals(study, settings, tried=self._tried, history=self._history, suggest=self.suggest)
        refuse_changed_choices(study, parameters)

    def queue(
        self,
        baselines: Mapping[str, Parameters],
        starts: Mapping[str, Parameters],
        own: Mapping[str, Parameters] = MappingProxyType({}),
    ) -> None:
        """Enqueue the user's own choices, the baselines, the recommended starts, and the design of a space that is one.

        In a study that has trials, only those of the user's own that it lacks.
        """
        trials = self._study.get_trials(deepcopy=False)
        known = [self._tried.key(trial.params or trial.system_attrs.get("fixed_params", {})) for trial in trials]
        for name, params in own.items():
            if self._tried.key(params) not in known:
                self._study.enqueue_trial(dict(params), user_attrs={START: name})
        if trials:
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
        """Return how many trials the study will have: `wanted`, or fewer where its design has fewer."""
        return wanted if self._space.repeats is None else min(wanted, len(self._study.get_trials(deepcopy=False)))

    @property
    def is_design(self) -> bool:
        """Whether the space's trials are a design, which repeats its recipes."""
        return self._space.repeats is not None

    def started(self) -> int:
        """Return how many trials have started, in this run and earlier ones."""
        waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return len(self._study.get_trials(deepcopy=False)) - len(waiting)

    def interrupted(self) -> list[optuna.Trial]:
        """Return the trials that run, or that an earlier run left unfinished."""
        left = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [optuna.Trial(self._study, trial._trial_id) for trial in left]

    def ask(self) -> optuna.Trial | None:
        """Return a new trial: the next in the queue, or one with an untried recipe; None: no recipe is left.

        Raises:
            UsageError: the space is too large for a grid, or the sampler lacks a package.
        """
        number = self.started()
        if self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return self._proposals.queued(number)
        if self._space.repeats is not None:
            return None
        trial = self._proposals.untried(number)
        end = self.exhaustion if trial is None else ""
        if end != self._study.user_attrs.get(NO_MORE, ""):
            self._study.set_user_attr(NO_MORE, end)  # for the report
        return trial

    def suggest(self, trial: optuna.Trial) -> Recipe:
        """Return the recipe that the space suggests; an interrupted trial keeps its earlier choices.

        Raises:
            SpaceError: the space fails.
        """
        return self._space.suggest(TrialSuggest(trial, images=self._images, classes=self._classes))

    def decide(self, trial: optuna.Trial, report: EpochReport, *, recipe: Recipe) -> Decision:
        """Enter an epoch's score and decide whether the training continues.

        Baselines are never pruned, so that the winner can be compared with them; neither are the trials of a design, or
        trainings whose learning rate still rises: their scores tell little yet (`docs/benchmarks.md`, "Early scores").
        """
        self.enter(trial, [(report.epoch, report.score)])
        if report.epoch >= self._settings.epochs:
            return Decision.FINISH
        has_risen = report.epoch >= recipe.fit.rise * self._settings.epochs
        may_prune = has_risen and BASELINE not in trial.user_attrs and self._space.repeats is None
        return Decision.PRUNE if may_prune and trial.should_prune() else Decision.CONTINUE

    def enter(self, trial: optuna.Trial, scores: Iterable[tuple[int, float]]) -> None:
        """Enter scores by epoch, except those that the trial already has from an earlier attempt."""
        for epoch, score in scores:
            if epoch not in self._frozen(trial).intermediate_values:
                trial.report(score, epoch)

    def save(self) -> None:
        """Bring the study's database up to date.

        Raises:
            DatabaseError: the database failed.
            StudyConflictError: another program adds trials to the study.
        """
        if self._stored is not None:
            self._stored.save()

    def spool(self) -> int:
        """Write what the database lacks to the run folder, and return how many trials that is; raises OSError."""
        return 0 if self._stored is None else self._stored.spool()

    def is_new(self, trial: int) -> bool:
        """Return whether the database lacks this trial so far."""
        return self._stored is not None and not self._stored.has_begun(trial)

    def tell(self, trial: optuna.Trial, record: TrialRecord) -> None:
        """Finish a trial as its record says."""
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
        # What the dashboard shows of the trial goes first: a finished trial is frozen.
        for name, value in attributes.items():
            if value is not None:
                trial.set_user_attr(name, value)
        constrain(trial, record, self._study.sampler)
        state = TrialState[record.state]
        self._study.tell(
            trial, record.score if state == TrialState.COMPLETE else None, state=state, skip_if_finished=True
        )

    @property
    def exhaustion(self) -> str:
        """Why `ask` gave no trial, in words."""
        return GRID_TRIED if self._settings.sampler == "grid" or self._space.repeats is not None else SPACE_TRIED

    @property
    def name(self) -> str:
        """Name of the study."""
        return self._settings.study

    @property
    def epochs(self) -> int:
        """Epochs of a trial that is not pruned."""
        return self._settings.epochs

    def best(self) -> optuna.trial.FrozenTrial | None:
        """Return the completed trial with the best score, of equals the first; None before one completed."""
        return self._history.best(self._study)

    def is_better(self, score: float, than: float) -> bool:
        """Return whether `score` beats `than`, in the study's direction."""
        return score > than if self._study.direction == optuna.study.StudyDirection.MAXIMIZE else score < than

    def _frozen(self, trial: optuna.Trial) -> optuna.trial.FrozenTrial:
        return self._study._storage.get_trial(trial._trial_id)
