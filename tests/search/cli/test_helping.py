"""A second command on a study: it helps, it goes on when nobody else does, or it says why it can't help."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import pytest

from reports.stored.records import TrialRecord
from search.cli.helping import run_or_help
from search.lease.folder_lock import Holder, Machine, StudyBusyError, lease
from search.lease.joining import Joining
from search.progress.protocol import Progress, SearchPlan
from search.results.status import stored_summary
from search.results.summary import RunSummary
from search.settings import RunSettings
from search.system.stopping import Interrupted
from spaces.errors import StudyConflictError
from spaces.space import Space
from tests.search.fixtures.progress_plan import ended
from tests.search.fixtures.toy import ListeningProgress, toy_settings, toy_space
from tests.search.results.test_status import RECIPE, _study


@dataclass
class Watching(ListeningProgress):
    """Keeps plans, and does something when the first comes: by then the study of another is being watched."""

    when_watching: Callable[[], None] = lambda: None
    plans: list[SearchPlan] = field(default_factory=list)

    def started(self, plan: SearchPlan) -> None:
        """Keep the plan."""
        self.plans.append(plan)
        self.when_watching()


class Other:
    """Another driver of the toy study in a folder, which holds its lease until it is told how it ends."""

    held: ClassVar[list[contextlib.ExitStack]] = []
    """What is forgotten is given back."""

    def __init__(self, runs: Path, *trials: TrialRecord, executor: str = "ray", boot: str | None = None) -> None:
        here = Machine.this()
        self.holder = Holder(
            pid=4711,
            machine=here if boot is None else replace(here, boot=boot),
            since="2026-01-02T10:02:00+00:00",
            executor=executor,
            ray_address=None,
        )
        self.folder = _study(runs, *trials)
        self._holding = contextlib.ExitStack()
        self.held.append(self._holding)
        self._holding.enter_context(lease(self.folder.path, "toy", self.holder))

    def ends(self, *trials: TrialRecord, killed: bool = False) -> None:
        """Record these trials, and be gone."""
        for trial in trials:
            self.folder.write_trial(trial, recipe=RECIPE, reports=(), predictions=None, model=None)
        left = (self.folder.path / "driver.json").read_text()
        self._holding.close()
        if killed:
            (self.folder.path / "driver.json").write_text(left)


def help_toy(runs: Path, progress: Progress, *, joins: bool = True, timeout_seconds: float | None = None) -> RunSummary:
    """Run the toy study, or help."""
    settings = replace(toy_settings(runs=str(runs)), timeout_seconds=timeout_seconds)
    return run_or_help(settings, space=toy_space(), progress=progress, command="run", joins=joins)


@pytest.fixture
def taken_over(monkeypatch: pytest.MonkeyPatch) -> list[RunSettings]:
    """Settings of the searches that were begun under the study's lease."""
    begun: list[RunSettings] = []

    def run_search(settings: RunSettings, *, space: Space, progress: Progress, command: str, fork: None) -> RunSummary:
        folder = Path(settings.runs) / settings.study
        with lease(folder, settings.study, Holder.this(executor="ray", ray_address=None)):
            begun.append(settings)
            return RunSummary(study="toy", status="done", exit_code=0)

    monkeypatch.setattr("search.cli.helping.run_search", run_search)
    return begun


def test_without_joining_a_study_of_another_is_left_to_it(tmp_path: Path, taken_over: list[RunSettings]) -> None:
    Other(tmp_path)
    with pytest.raises(StudyBusyError, match=r"is being run by pid 4711 on host .*; use --join to help it"):
        help_toy(tmp_path, ListeningProgress(), joins=False)
    assert taken_over == []


def test_a_study_that_nobody_runs_is_run(tmp_path: Path, taken_over: list[RunSettings]) -> None:
    _study(tmp_path)
    help_toy(tmp_path, ListeningProgress())
    assert len(taken_over) == 1


def test_it_ends_with_the_study_that_it_helped_to_its_end(tmp_path: Path, taken_over: list[RunSettings]) -> None:
    other = Other(tmp_path, ended(0))
    progress = Watching(when_watching=lambda: other.ends(*(ended(number, score=0.9) for number in range(1, 4))))
    summary = help_toy(tmp_path, progress)
    assert summary == stored_summary(other.folder)
    assert ([plan.earlier for plan in progress.plans], taken_over) == ([(ended(0),)], [])
    assert list(other.folder.path.glob(".joining/*")) == []


@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_it_goes_on_with_a_study_that_another_left(tmp_path: Path, taken_over: list[RunSettings], end: str) -> None:
    other = Other(tmp_path)
    progress = Watching(when_watching=lambda: other.ends(ended(0), killed=end == "killed"))
    help_toy(tmp_path, progress)
    assert len(taken_over) == 1
    assert progress.notes[-1].endswith("any more; this command goes on with it")


def test_one_that_was_killed_before_the_winner_was_measured_is_gone_on_with(
    tmp_path: Path, taken_over: list[RunSettings]
) -> None:
    other = Other(tmp_path)
    help_toy(tmp_path, Watching(when_watching=lambda: other.ends(*map(ended, range(4)), killed=True)))
    assert len(taken_over) == 1


def test_ctrl_c_ends_the_help_alone(tmp_path: Path, taken_over: list[RunSettings]) -> None:
    other = Other(tmp_path)
    progress = Watching(when_watching=lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted, match="stopped helping; the study itself goes on"):
        help_toy(tmp_path, progress)
    assert (list(other.folder.path.glob(".joining/*")), taken_over) == ([], [])
    with pytest.raises(StudyBusyError):
        help_toy(tmp_path, progress, joins=False)


def test_its_own_time_counts_while_it_helps(tmp_path: Path, taken_over: list[RunSettings]) -> None:
    Other(tmp_path, ended(0))
    summary = help_toy(tmp_path, ListeningProgress(), timeout_seconds=0.2)
    assert (summary.reason, taken_over) == ("the time was up", [])


def test_another_search_is_not_helped(tmp_path: Path, taken_over: list[RunSettings]) -> None:
    Other(tmp_path)
    settings = replace(toy_settings(runs=str(tmp_path)), seed=1)
    with pytest.raises(StudyConflictError, match="begun with other settings(.|\n)*  seed: 0 then, 1 now"):
        run_or_help(settings, space=toy_space(), progress=ListeningProgress(), command="run", joins=True)
    assert taken_over == []


@pytest.mark.parametrize(
    ("executor", "boot", "said"),
    [
        ("inline", None, r"in that process alone \(--executor inline\), which can't be helped; wait for it"),
        ("ray", "elsewhere", "ray start --address=HEAD:6379, which makes this machine part of that cluster"),
    ],
)
def test_what_can_t_be_helped_says_what_to_do(tmp_path: Path, executor: str, boot: str | None, said: str) -> None:
    Other(tmp_path, executor=executor, boot=boot)
    with pytest.raises(StudyConflictError, match=said):
        help_toy(tmp_path, ListeningProgress())


def test_a_full_disk_keeps_nobody_from_watching(
    tmp_path: Path, taken_over: list[RunSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Joining) -> None:
        raise OSError(28, "No space left on device")

    other = Other(tmp_path)
    monkeypatch.setattr(Joining, "renew", refuse)
    help_toy(tmp_path, Watching(when_watching=lambda: other.ends(ended(0))))
    assert len(taken_over) == 1
