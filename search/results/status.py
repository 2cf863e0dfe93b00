"""The status of a study, from its run folder alone: done, stopped, failed or running."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

from objectives.evaluation.metrics import METRICS
from reports.stored import layout
from reports.stored.confirmation import Confirmation
from reports.stored.expected_gain import expected_gain
from reports.stored.files import StoredFiles, read_record
from reports.stored.for_the_record import ForTheRecord
from reports.stored.outcome import (
    EXHAUSTED,
    BestTrial,
    answer_number,
    baseline_trials,
    devices_of,
    measured_score,
    rank,
)
from reports.stored.records import RunRecord, TrialRecord
from reports.stored.study_copy import copy_study
from search.lease import folder_lock
from search.results.last_run import last_end, last_line, seconds_total
from search.results.places import places_now
from search.results.run_folder import RunFolder
from search.results.stagnation import find_stagnation
from search.results.summary import DataSummary, RunSummary, Seconds, TrialCounts
from search.settings import resume_command
from search.storage.url import study_url, without_secrets
from search.system.signals import Stopped
from spaces.errors import RecordError, TamizError, UnknownNameError, UsageError
from spaces.records import to_plain


def find_run(study: str, runs: str) -> RunFolder:
    """Return the folder of a study.

    Args:
        study: its name, or the path of its folder.
        runs: where study folders are.

    Raises:
        UnknownNameError: there is none of that name; lists those there are.
    """
    path = Path(study) if "/" in study else Path(runs) / study
    if study and (path / layout.SETTINGS).is_file():
        return RunFolder(path=path if path.name not in ("", "..") else path.resolve())  # its name is the study's
    known = [settings.parent.name for settings in Path(runs).glob(f"*/{layout.SETTINGS}")]
    raise UnknownNameError("study", study, known, plural=f"studies in {runs}", hint="Elsewhere: --runs DIR")


def latest_run(runs: str) -> RunFolder:
    """Return the folder of the study that was started, or resumed, last.

    Raises:
        UsageError: there is none.
    """
    begun = sorted(Path(runs).glob(f"*/{layout.SETTINGS}"), key=lambda settings: settings.stat().st_mtime)
    if not begun:
        raise UsageError(f"there is no study in {runs}; start one with `python -m search run`, or pass --runs DIR")
    return RunFolder(path=begun[-1].parent)


def read_settings(folder: RunFolder) -> RunRecord:
    """Return the settings that the study was started with."""
    record = folder.read_run()
    if record is None:
        raise UsageError(f"{folder.path} is not a run folder: {layout.SETTINGS} is missing")
    return record


def is_being_run(folder: RunFolder) -> bool:
    """Whether a driver works on the study at this moment, on this machine."""
    return folder_lock.is_being_run(folder.path)


def live_summary(folder: RunFolder) -> RunSummary:
    """Return where a study stands: "running" while a driver works on it, with the trials under way."""
    summary = stored_summary(folder)
    if not is_being_run(folder) or summary.trials is None:
        return summary
    started = len(folder.numbers())
    with contextlib.suppress(RecordError):  # it is not made yet, or the study starts over
        study = copy_study(folder.database, read_settings(folder).study)
        states = [trial.state.name for trial in study.get_trials(deepcopy=False)]
        started = len(states) - states.count("WAITING")
    trials = replace(summary.trials, running=max(0, started - summary.trials.ended))
    return replace(
        summary,
        status="running",
        trials=trials,
        resumable=False,
        resume_command=None,
        more_command=None,
        latest=last_line(folder.log),
    )


def obstacle(folder: RunFolder) -> str | None:
    """Return what keeps a study from being continued from here: a file that has gone, a variable that is not set."""
    try:
        record = read_settings(folder)
        study_url(places_now(folder, record).get("storage", record.settings.get("storage")), folder.database)
    except UsageError as error:
        return str(error)
    return None


def stored_summary(folder: RunFolder, *, reason: str | None = None) -> RunSummary:
    """Return how far a study got: "done" where it has nothing left to do, else "stopped" and resumable.

    Args:
        folder: of the study.
        reason: why the run that ends now ended early; None: it did not, or none ends now.
    """
    run, trials = read_settings(folder), folder.read_trials()
    states = Counter(trial.state for trial in trials)
    total = run.settings.get("trials")
    counts = TrialCounts(
        total=total if isinstance(total, int) else len(trials),
        complete=states["COMPLETE"],
        pruned=states["PRUNED"],
        failed=states["FAIL"],
    )
    best, until = next(iter(rank(trials, run.direction)), None), run.settings.get("until")
    measured = folder.read_measurement()
    confirmation = read_record(folder.path / layout.CONFIRMATION, Confirmation)
    answer = answer_number(
        {trial.trial for trial in trials},
        measured=measured,
        confirmation=confirmation,
        best=None if best is None else best.trial,
    )
    # A study all of whose trials failed starts over, see `search.driver.compatibility`.
    has_all = counts.ended >= counts.total and not 0 < counts.failed == counts.ended
    reached = None if best is None else best.score
    is_good_enough = reached is not None and until is not None and not run.direction.is_better(until, than=reached)
    last = last_end(folder)
    if last.get("trials") == to_plain(counts):
        reason = reason or last.get("reason")
    stagnation = find_stagnation(run.settings, trials)
    is_done = has_all or is_good_enough or stagnation is not None or reason in EXHAUSTED
    is_done = is_done and (confirmation is None or confirmation.is_complete)
    resume = resume_command(folder.path.name, str(folder.path.parent))
    more = f" --trials {2 * max(counts.total, counts.ended)}" if has_all else ""
    if is_good_enough:
        more += f" --until {METRICS[run.metric].perfect:g}"
    more += "" if stagnation is None else stagnation.more
    is_perfect = is_good_enough and reached == METRICS[run.metric].perfect
    report, model = folder.path / layout.REPORT, folder.best / layout.MODEL
    return RunSummary(
        study=folder.path.name,
        status="done" if is_done else "stopped",
        exit_code=0,
        reason=reason if reason in EXHAUSTED else None,
        resumable=not is_done,
        resume_command=None if is_done else resume,
        more_command=resume + more if is_done and reason not in EXHAUSTED and not is_perfect else None,
        metric=run.metric,
        direction=run.direction,
        trials=counts,
        best=_best_trial(trials, answer, folder),
        best_of_search=None if best is None or best.trial == answer else _best_trial(trials, best.trial, folder),
        confirmed=confirmation,
        baselines={
            name: trial.score if trial else None for name, trial in baseline_trials(run.baselines, trials).items()
        },
        test=measured_score(measured, run.metric),
        for_the_record=read_record(folder.best / layout.RECORD, ForTheRecord),
        data=DataSummary(
            name=run.data.name,
            fingerprint=run.data.fingerprint,
            train=run.data.train,
            validation=run.data.validation,
            test=run.data.test,
            classes=run.data.classes,
            warnings=run.data.warnings,
        ),
        expected_gain=None if reason in EXHAUSTED else expected_gain(trials, run.metric),
        seconds=Seconds(total=seconds_total(last), training=sum(trial.seconds_training for trial in trials)),
        epochs_trained=sum(trial.epochs for trial in trials),
        devices=devices_of(trials),
        run_dir=str(folder.path),
        report=str(report) if report.is_file() else None,
        model=str(model) if model.is_file() else None,
    )


def failed_summary(error: TamizError, *, study: str, runs: str) -> RunSummary:
    """Return the end of a run that an error ended, with all that its folder holds."""
    folder = RunFolder(path=Path(runs) / study)
    try:
        summary = stored_summary(folder)
    except (TamizError, OSError):
        summary = RunSummary(study=study, status="failed", exit_code=1)
    resumable = error.resumable and summary.run_dir is not None
    is_stopped = isinstance(error, Stopped)
    hint = "\nthe search had not started; run the command again" if is_stopped and not resumable else ""
    return replace(
        summary,
        status="stopped" if is_stopped else "failed",
        exit_code=error.exit_code,
        reason=without_secrets(str(error)) + hint,
        resumable=resumable,
        resume_command=resume_command(study, runs) if resumable else None,
        more_command=None,
    )


def _best_trial(trials: tuple[TrialRecord, ...], number: int | None, folder: RunFolder) -> BestTrial | None:
    best = next((trial for trial in trials if trial.trial == number), None)
    if best is None or best.score is None:
        return None
    return BestTrial(
        trial=best.trial,
        value=best.score,
        params=best.params,
        recipe=StoredFiles(folder.path).recipe(layout.trial(best.trial, layout.RECIPE), expected=True),
        parameters=best.parameters,
        epochs=best.epochs,
        baseline=best.baseline,
    )
