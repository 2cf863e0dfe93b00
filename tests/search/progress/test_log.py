"""The log of a run folder: the search's own lines with their times, and how it ended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from search.progress.log import logged
from search.results.ending import end_lines
from search.results.summary import RunSummary, TrialCounts
from search.system.signals import Interrupted
from spaces.errors import DataError
from tests.search.fixtures.progress_plan import ended, epoch, plan
from tests.search.fixtures.toy import ListeningProgress

SUMMARY = RunSummary(
    study="net-digits",
    status="done",
    exit_code=0,
    reason="timed out",
    trials=TrialCounts(total=8, complete=1, failed=1),
)


def lines_of(log: Path) -> list[str]:
    """Return the lines without date and time, which each has."""
    lines = log.read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S", line) for line in lines)
    return [line[20:] for line in lines]


def test_the_log_has_the_command_each_trial_and_the_end(tmp_path: Path) -> None:
    shown, log = ListeningProgress(), tmp_path / "log.txt"
    log.write_text("2026-01-01 00:00:00 of an earlier run\n")
    with logged(shown, log, command="python -m search run --data digits") as progress:
        progress.phase("loading digits")
        progress.started(plan())
        progress.trial_started(0, {}, worker=0)
        progress.epoch_reported(0, epoch(1), worker=0)
        progress.trial_ended(ended(0, score=0.9))
        progress.trial_paused(2)
        progress.info("trains on processor X")
        progress.note("trial 1: worker died, retrying")
        progress.trial_ended(ended(1, score=None, state="FAIL", message="loss became NaN"))
        progress.phase("writing the report")
        progress.phase_reached(1, 2, "image")
        progress.finished(SUMMARY)
        progress.ended()

    assert lines_of(log) == [
        "of an earlier run",
        "python -m search run --data digits",
        "loading digits",
        "study net-digits: space net on digits, 8 trials of up to 4 epochs, 2 workers",
        "[1/8] trial 0 complete, val_accuracy 0.9000 at epoch 3 of 4, 10 s, best so far",
        "trains on processor X",
        "trial 1: worker died, retrying",
        "[2/8] trial 1 failed, loss became NaN, 10 s",
        "writing the report",
        *end_lines(SUMMARY),
    ]
    assert (shown.notes, [one.trial for one in shown.ended_trials]) == (["trial 1: worker died, retrying"], [0, 1])
    assert shown.phases == ["loading digits", "writing the report"]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DataError("no images\nin photos"), "error: no images in photos"),
        (Interrupted("stopped as requested"), "ended: stopped as requested"),
    ],
)
def test_the_log_says_which_error_ended_a_search(tmp_path: Path, error: Exception, line: str) -> None:
    with pytest.raises(type(error)), logged(ListeningProgress(), tmp_path / "log.txt", command="run"):
        raise error

    assert lines_of(tmp_path / "log.txt") == ["run", line]
