"""Large studies: the last trials cost hardly more than the first, and all are stored and reported."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reports.pages.page import write_report
from reports.stored.records import TrialRecord
from search.cli.app import run_command_line
from search.storage.database import study_storage
from search.study.stored import open_stored_study
from search.study.study import Study
from spaces.parameters import find_parameters
from tests.reports.run_folders import write_run
from tests.search.driver.test_loop import Stage
from tests.search.fixtures.scripted_workers import steady
from tests.search.fixtures.toy import IMAGES, ListeningProgress, toy_settings, toy_space
from tests.search.storage.test_saving import trials_in

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1800)]

TRIALS = 1000
REPORTED = 500


@dataclass
class TimedProgress(ListeningProgress):
    """Notes when each trial ends, in seconds of this process."""

    ends: list[float] = field(default_factory=list)

    def trial_ended(self, record: TrialRecord) -> None:
        """Keep the time."""
        self.ends.append(time.process_time())


def test_the_last_trials_cost_hardly_more_than_the_first(tmp_path: Path) -> None:
    settings, space, progress = toy_settings(trials=TRIALS, sampler="tpe"), toy_space(), TimedProgress()
    with study_storage(f"sqlite:///{tmp_path / 'study.db'}") as storage:
        stored = open_stored_study(storage, settings, spool=tmp_path / "toy" / "spool.jsonl")
        study = Study(
            stored.study,
            space=space,
            parameters=find_parameters(space, images=IMAGES, classes=3),
            settings=settings,
            images=IMAGES,
            classes=3,
            stored=stored,
        )
        Stage(tmp_path, lambda task: steady(0.5), settings=settings, study=study, progress=progress).search.run()
        assert [(trial.number, trial.state.name) for trial in trials_in(storage)] == [
            (number, "COMPLETE") for number in range(TRIALS)
        ]
    first, last = progress.ends[400] - progress.ends[200], progress.ends[-1] - progress.ends[-201]
    assert last < 4 * first, f"200 trials took {first:.1f} s at the beginning, {last:.1f} s at the end"


def test_all_of_them_are_on_a_page_of_usual_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run(tmp_path / "large", study_name="large", trials=REPORTED)
    page = write_report(folder)
    assert page.stat().st_size <= 10_000_000
    assert run_command_line(["status", "large", "--runs", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trials"]["total"] == REPORTED
