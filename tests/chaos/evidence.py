"""What a study's database, its run folder and the log of epochs say at the end, held against what was promised."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna

from search.storage.database import study_storage
from tests.chaos.course import Course, Size, Strike
from tests.chaos.epoch_log import Again
from tests.faults.driver.test_kills import contents


@dataclass(frozen=True, kw_only=True)
class StoredTrial:
    """A trial as the study's database has it."""

    number: int
    state: str
    value: float | None
    params: tuple[tuple[str, float], ...]
    scores: tuple[tuple[int, float], ...]
    """(epoch, score)."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a study comes to."""

    trials: tuple[StoredTrial, ...]
    """In the database, by number."""
    files: tuple[tuple[object, ...], ...]
    """What the run folder holds of each, predictions included."""


def find(study: Path, url: str) -> Findings:
    """Read what a study comes to, from its database and from its run folder."""
    with study_storage(url) as storage:
        trials = optuna.load_study(study_name=study.name, storage=storage).get_trials(deepcopy=False)
    stored = [
        StoredTrial(
            number=trial.number,
            state=trial.state.name,
            value=trial.value,
            params=tuple(sorted(trial.params.items())),
            scores=tuple(sorted(trial.intermediate_values.items())),
        )
        for trial in trials
    ]
    return Findings(trials=tuple(stored), files=tuple(contents(study)))


def violations(course: Course, found: Findings, *, size: Size, undisturbed: Findings | None) -> list[str]:
    """Return what was promised and is not so.

    Args:
        course: how the study was struck.
        found: what it came to.
        size: of the study.
        undisturbed: what the same study comes to when nothing strikes it; None: with several workers nobody knows.
    """
    return [
        *_of_trials(found, size=size),
        *_of_files(course.study, found),
        *_of_epochs(course, found),
        *([] if undisturbed is None else _of_content(found, undisturbed)),
    ]


def _of_trials(found: Findings, *, size: Size) -> list[str]:
    numbers = Counter(trial.number for trial in found.trials)
    states = Counter(trial.state for trial in found.trials)
    wrong = []
    if doubled := sorted(number for number, times in numbers.items() if times > 1):
        wrong.append(f"trials {doubled} are there twice")
    if sorted(numbers) != list(range(size.trials)):
        wrong.append(f"{size.trials} trials were asked for, and the study has {sorted(numbers)}")
    if zombies := states["RUNNING"] + states["WAITING"]:
        wrong.append(f"{zombies} trials never end")
    if states["FAIL"]:
        wrong.append(f"{states['FAIL']} trials failed, and nothing is wrong with any of them")
    return wrong


def _of_files(study: Path, found: Findings) -> list[str]:
    wrong = []
    for trial in found.trials:
        folder = study / "trials" / f"{trial.number:04}"
        try:
            result = json.loads((folder / "result.json").read_text())
            with (folder / "history.csv").open() as file:
                history = tuple((int(row["epoch"]), float(row["score"])) for row in csv.DictReader(file))
        except (OSError, ValueError) as error:
            wrong.append(f"trial {trial.number} has no result on disk: {error}")
            continue
        kept = (result["state"], tuple(sorted(result["params"].items())), history)
        if kept != (trial.state, trial.params, trial.scores):
            wrong.append(f"trial {trial.number} is {kept} on disk and {trial} in the study")
        if trial.state == "COMPLETE" and result["score"] != trial.value:
            wrong.append(f"trial {trial.number} scores {result['score']} on disk and {trial.value} in the study")
    left = [*study.glob("trials/*/checkpoint"), *study.glob("spool.jsonl"), *study.rglob("*.tmp")]
    wrong += [f"{path.relative_to(study)} is left" for path in left]
    there = ("report.html", "best/model.keras", "best/measurement.json", "summary.json")
    return wrong + [f"{name} is missing" for name in there if not (study / name).is_file()]


def _of_epochs(course: Course, found: Findings) -> list[str]:
    log = course.log
    stored = {(trial.number, epoch) for trial in found.trials for epoch, _ in trial.scores}
    wrong = []
    if lost := log.epochs - stored:
        wrong.append(f"epochs that the driver heard of and the study has not: {sorted(lost)}")
    if invented := stored - log.trained:  # one that was halted may come with its checkpoint alone
        wrong.append(f"epochs that the study has and no worker trained: {sorted(invented)}")
    workers = course.schedule.workers
    for strike, again in blamed(course.strikes, log.again, workers=workers):
        may_cost = 0 if strike is None else strike.fault.kind.may_cost(workers)
        if len(again) > may_cost:
            which = ", ".join(f"{one.epoch} of trial {one.trial}" for one in again)
            why = "nothing" if strike is None else strike.fault.kind.value
            wrong.append(f"{why} cost {len(again)} epochs where {may_cost} are allowed: {which}")
    may_be_unheard = sum(strike.fault.kind.may_cost(workers) for strike in course.strikes)
    if log.unheard > may_be_unheard:
        wrong.append(f"workers trained {log.unheard} epochs that nobody heard of, where {may_be_unheard} are allowed")
    return wrong


def blamed(
    strikes: Sequence[Strike], again: Sequence[Again], *, workers: int
) -> list[tuple[Strike | None, list[Again]]]:
    """Return which strike made which epochs be trained again; None: none can have.

    It is the first that may cost an epoch after the epoch was heard of; a strike may take a moment to work,
    so else it is the last before the epoch was heard of again.
    """
    costly = [strike for strike in strikes if strike.fault.kind.may_cost(workers)]
    groups: dict[float | None, tuple[Strike | None, list[Again]]] = {}
    for one in again:
        before = [strike for strike in costly if strike.at <= one.second]
        between = [strike for strike in before if strike.at >= one.first]
        strike = between[0] if between else before[-1] if before else None
        groups.setdefault(None if strike is None else strike.at, (strike, []))[1].append(one)
    return list(groups.values())


def _of_content(found: Findings, undisturbed: Findings) -> list[str]:
    wrong = [
        f"trial {here.number} is {here} and undisturbed {there}"
        for here, there in zip(found.trials, undisturbed.trials, strict=False)
        if here != there
    ]
    if not wrong and found.files != undisturbed.files:
        wrong.append("the files of trials are not those of the undisturbed study")
    return wrong
