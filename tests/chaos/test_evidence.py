"""The judge itself: each promise that a study breaks is named, and one that breaks none is left in peace."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.course import Course, Size, Strike
from tests.chaos.evidence import Findings, StoredTrial, violations
from tests.chaos.schedules import Choices, Fault, Kind, draw

SIZE = Size(trials=2, epochs=2)
SCORES = ((1, 0.25), (2, 0.5))
TRIALS = tuple(
    StoredTrial(number=number, state="COMPLETE", value=0.5, params=(("filters", 4),), scores=SCORES)
    for number in range(2)
)
WHOLE = Findings(trials=TRIALS, files=())
EPOCHS = ("0 1 10", "0 2 11", "1 1 12", "1 2 13")
"""Trial, epoch and second of each that is trained."""


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A study of two trials on disk, of which nothing was struck."""
    schedule = replace(draw(seed=0, number=0, choices=Choices()), workers=1)
    made = Course(schedule=schedule, folder=tmp_path)
    for trial in TRIALS:
        folder = made.study / "trials" / f"{trial.number:04}"
        folder.mkdir(parents=True)
        result = {"state": trial.state, "score": trial.value, "params": dict(trial.params)}
        (folder / "result.json").write_text(json.dumps(result))
        (folder / "history.csv").write_text("epoch,score\n1,0.25\n2,0.5\n")
    (made.study / "best").mkdir()
    for name in ("report.html", "best/model.keras", "best/measurement.json", "summary.json"):
        (made.study / name).touch()
    write_log(made, *EPOCHS)
    return made


def write_log(course: Course, *epochs: str) -> None:
    """Let these epochs have been trained, and heard of a moment later."""
    lines = [f"{verb} {epoch}" for epoch in epochs for verb in ("trained", "heard")]
    (course.folder / "epochs.log").write_text("\n".join(lines))


def strike(kind: Kind, *, at: float) -> Strike:
    """Return a fault that struck."""
    return Strike(fault=Fault(kind=kind, epochs=0, seconds=0.0), run=0, at=at)


def judge(course: Course, found: Findings = WHOLE, undisturbed: Findings | None = WHOLE) -> list[str]:
    """Return the first words of each violation."""
    return violations(course, found, size=SIZE, undisturbed=undisturbed)


def test_a_whole_study_violates_nothing(course: Course) -> None:
    assert judge(course) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda trials: trials[:1], "2 trials were asked for, and the study has \\[0\\]"),
        (lambda trials: (*trials, trials[1]), "trials \\[1\\] are there twice"),
        (lambda trials: (trials[0], replace(trials[1], state="RUNNING")), "1 trials never end"),
        (lambda trials: (trials[0], replace(trials[1], state="FAIL")), "1 trials failed"),
        (lambda trials: (trials[0], replace(trials[1], value=0.75)), "scores 0.5 on disk and 0.75 in the study"),
        (
            lambda trials: (trials[0], replace(trials[1], scores=SCORES[:1])),
            "the driver heard of and the study has not",
        ),
        (lambda trials: (trials[0], replace(trials[1], scores=(*SCORES, (3, 0.5)))), "has and no worker trained"),
    ],
)
def test_a_study_that_is_not_whole_is_found(
    course: Course, wrong: Callable[[tuple[StoredTrial, ...]], tuple[StoredTrial, ...]], said: str
) -> None:
    found = judge(course, replace(WHOLE, trials=wrong(TRIALS)), undisturbed=None)
    with pytest.raises(AssertionError, match=said):
        raise AssertionError("\n".join(found))


def test_another_course_than_the_undisturbed_one_is_found(course: Course) -> None:
    other = replace(WHOLE, trials=(TRIALS[0], replace(TRIALS[1], params=(("filters", 5),))))
    assert [one.partition(" is ")[0] for one in judge(course, undisturbed=other)] == ["trial 1"]
    assert judge(course, undisturbed=replace(WHOLE, files=((),))) == [
        "the files of trials are not those of the undisturbed study"
    ]


def test_what_is_left_on_disk_is_found(course: Course) -> None:
    (course.study / "trials" / "0001" / "checkpoint").mkdir()
    (course.study / "report.html").unlink()
    assert judge(course) == ["trials/0001/checkpoint is left", "report.html is missing"]


def test_an_epoch_that_is_trained_again_for_nothing_is_found(course: Course) -> None:
    write_log(course, *EPOCHS, "1 2 14")
    course.strikes.append(strike(Kind.DRIVER_INTERRUPTED, at=13.5))
    assert judge(course) == ["nothing cost 1 epochs where 0 are allowed: 2 of trial 1"]


def test_a_kill_may_cost_one_epoch_and_not_two(course: Course) -> None:
    course.strikes.append(strike(Kind.DRIVER_KILLED, at=13.5))
    write_log(course, *EPOCHS, "1 2 14")
    assert judge(course) == []
    write_log(course, *EPOCHS, "1 1 14", "1 2 15")
    assert judge(course) == ["driver: SIGKILL cost 2 epochs where 1 are allowed: 1 of trial 1, 2 of trial 1"]


def test_an_epoch_that_nobody_heard_of_needs_a_kill(course: Course) -> None:
    log = course.folder / "epochs.log"
    log.write_text(f"{log.read_text()}\ntrained 1 2 13.5")
    assert judge(course) == ["workers trained 1 epochs that nobody heard of, where 0 are allowed"]
    course.strikes.append(strike(Kind.WORKER_KILLED, at=13.2))
    assert judge(course) == []
