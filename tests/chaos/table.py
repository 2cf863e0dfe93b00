"""What came out of many schedules: a table for people, an object for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from tests.chaos.course import Course
from tests.chaos.evidence import Findings, blamed
from tests.chaos.schedules import Kind


@dataclass(frozen=True, kw_only=True)
class Row:
    """All strikes of one kind."""

    kind: str
    struck: int
    epochs_again: int
    worst: int
    """Most epochs that one of them made be trained again."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One schedule, played and judged."""

    number: int
    workers: int
    storage: str
    seconds: float
    runs: int
    trials: int
    epochs: int
    """Without those that were trained again."""
    epochs_again: int
    unheard: int
    """Epochs that a worker trained and no driver lived to hear of."""
    is_compared: bool
    """Whether it was held against an undisturbed study."""
    unstruck: int
    """Faults whose moment never came, because the study was done before."""
    silence_seconds: float
    leftover_seconds: float
    violations: tuple[str, ...]
    struck: tuple[tuple[str, int], ...] = field(repr=False)
    """(kind, epochs again) of each strike."""


def judged(
    course: Course, found: Findings | None, *, violations: Sequence[str], seconds: float, is_compared: bool
) -> Outcome:
    """Return what came out of a schedule."""
    log, schedule = course.log, course.schedule
    cost = {
        strike.at: len(again) for strike, again in blamed(course.strikes, log.again, workers=schedule.workers) if strike
    }
    return Outcome(
        number=schedule.number,
        workers=schedule.workers,
        storage=schedule.storage,
        seconds=seconds,
        runs=len(course.runs),
        trials=0 if found is None else len(found.trials),
        epochs=len(log.epochs),
        epochs_again=len(log.again),
        unheard=log.unheard,
        is_compared=is_compared,
        unstruck=len(schedule.faults) - len(course.strikes),
        silence_seconds=max((run.silence_seconds for run in course.runs), default=0.0),
        leftover_seconds=course.leftover_seconds,
        violations=(*course.violations, *violations),
        struck=tuple((strike.fault.kind.value, cost.get(strike.at, 0)) for strike in course.strikes),
    )


def rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """Return a row for each kind of fault that struck."""
    struck = [one for outcome in outcomes for one in outcome.struck]
    times = Counter(kind for kind, _ in struck)
    return [
        Row(
            kind=kind.value,
            struck=times[kind.value],
            epochs_again=sum(again for name, again in struck if name == kind.value),
            worst=max(again for name, again in struck if name == kind.value),
        )
        for kind in Kind
        if times[kind.value]
    ]


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the table, in Markdown, and what stands below it."""
    lines = ["| fault | times | epochs trained again | at most for one |", "|---|---:|---:|---:|"]
    lines += [f"| {row.kind} | {row.struck} | {row.epochs_again} | {row.worst} |" for row in rows(outcomes)]
    total = _total(outcomes)
    lines.append(f"| **all** | **{total['faults']}** | **{total['epochs_again']}** | |")
    below = (
        f"{total['schedules']} schedules, {total['runs']} runs of the driver, {total['trials']} trials, "
        f"{total['epochs']} epochs and {total['epochs_again']} trained again; {total['unheard']} more ended when no "
        f"driver lived to hear of them. {total['compared']} studies of one worker were held against undisturbed ones. "
        f"The longest time without a line on the terminal was {total['longest_silence_seconds']} s, and the last "
        f"process was gone {total['longest_leftover_seconds']} s after its driver at the latest. "
        f"Violations: {total['violations']}."
    )
    lines += ["", below]
    return "\n".join(lines)


def as_object(outcomes: Sequence[Outcome], *, seed: int) -> dict[str, object]:
    """Return all of it for programs."""
    wrong = {str(outcome.number): list(outcome.violations) for outcome in outcomes if outcome.violations}
    return {
        "schema": 1,
        "seed": seed,
        **_total(outcomes),
        "kinds": [asdict(row) for row in rows(outcomes)],
        "violated": wrong,
    }


def _total(outcomes: Sequence[Outcome]) -> dict[str, float]:
    return {
        "schedules": len(outcomes),
        "faults": sum(len(outcome.struck) for outcome in outcomes),
        "unstruck": sum(outcome.unstruck for outcome in outcomes),
        "runs": sum(outcome.runs for outcome in outcomes),
        "trials": sum(outcome.trials for outcome in outcomes),
        "epochs": sum(outcome.epochs for outcome in outcomes),
        "epochs_again": sum(outcome.epochs_again for outcome in outcomes),
        "unheard": sum(outcome.unheard for outcome in outcomes),
        "compared": sum(outcome.is_compared for outcome in outcomes),
        "longest_silence_seconds": round(max((one.silence_seconds for one in outcomes), default=0.0), 1),
        "longest_leftover_seconds": round(max((one.leftover_seconds for one in outcomes), default=0.0), 1),
        "seconds": round(sum(outcome.seconds for outcome in outcomes), 1),
        "violations": sum(len(outcome.violations) for outcome in outcomes),
    }
