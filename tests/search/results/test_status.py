"""Where a study stands, from its folder alone."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import filelock
import numpy as np
import pytest

from objectives.data.records import Split
from objectives.evaluation.metrics import Direction
from reports.stored.outcome import GRID_TRIED, SPACE_TRIED
from reports.stored.records import DataRecord, Measurement, RunRecord, TrialRecord
from search.cli.app import run_command_line
from search.cli.output import status_text
from search.results.ending import end_lines
from search.results.run_folder import RunFolder
from search.results.status import failed_summary, find_run, live_summary, stored_summary
from search.results.summary import TrialCounts
from search.system.signals import Interrupted
from spaces.errors import DataError, StorageError, UnknownNameError
from spaces.recipe import ConvNet, Fit, Recipe, Stage
from tests.search.fixtures.progress_plan import ended
from tests.search.fixtures.toy import toy_settings

RECIPE = Recipe(network=ConvNet(stages=(Stage(filters=2, convolutions=1),), kernel=3), fit=Fit(learning_rate=0.1))


def _study(runs: Path, *trials: TrialRecord, total: int = 4) -> RunFolder:
    """A study of so many trials in all, of which these have ended."""
    folder = RunFolder.at(runs, "toy")
    run = RunRecord(
        schema=1,
        study="toy",
        space="toy",
        space_summary="A toy.",
        space_digest="sha256:0",
        metric="val_accuracy",
        direction=Direction.MAXIMIZE,
        epochs=4,
        settings=asdict(toy_settings(trials=total, runs=str(runs))),
        data=DataRecord(
            name="digits", fingerprint="sha256:0", classes=("0", "1"), train=8, validation=2, test=2,
            height=8, width=8, channels=1, class_counts=(5, 5),
        ),
        baselines={"by_hand": {"filters": 2}},
        versions={},
        command="",
        created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    rows = np.arange(10, dtype=np.int32)
    folder.write_run(run, Split(train=rows[:8], validation=rows[8:], seed=0))
    for trial in trials:
        folder.write_trial(trial, recipe=RECIPE, reports=(), predictions=None, model=None)
    return folder


def test_a_study_is_found_by_name_and_by_folder(tmp_path: Path) -> None:
    folder = _study(tmp_path)

    assert find_run("toy", str(tmp_path)) == folder
    assert find_run(str(tmp_path / "toy"), "runs") == folder


def test_an_unknown_study_gets_a_suggestion(tmp_path: Path) -> None:
    _study(tmp_path)

    with pytest.raises(UnknownNameError, match=r"unknown study 'tooy'\. Did you mean 'toy'\?\nStudies in .*: toy\."):
        find_run("tooy", str(tmp_path))


def test_trials_are_read_in_order(tmp_path: Path) -> None:
    folder = _study(tmp_path, ended(10), ended(2), ended(0))

    assert [trial.trial for trial in folder.read_trials()] == [0, 2, 10]


def test_a_study_with_trials_left_is_resumable(tmp_path: Path) -> None:
    trials = (ended(0, baseline="by_hand", score=0.5), ended(1, score=0.9), ended(2, score=0.95, state="PRUNED"))
    folder = _study(tmp_path, *trials)

    summary = stored_summary(folder)

    assert (summary.status, summary.resumable) == ("stopped", True)
    assert summary.resume_command == f"python -m search resume toy --runs {tmp_path}"
    assert summary.trials == TrialCounts(total=4, complete=2, pruned=1)
    assert summary.best is not None
    assert (summary.best.trial, summary.best.value, summary.best.recipe) == (1, 0.9, RECIPE.to_plain())
    assert summary.baselines == {"by_hand": 0.5}
    assert summary.epochs_trained == 12


def test_a_study_with_all_trials_is_done(tmp_path: Path) -> None:
    folder = _study(tmp_path, ended(0), total=1)

    assert (stored_summary(folder).status, stored_summary(folder).resume_command) == ("done", None)


@pytest.mark.parametrize(
    ("scores", "total", "until", "resume", "more"),
    [
        ((0.5,), 4, None, "", None),  # also where --timeout ended the run
        ((0.5, 0.9), 2, None, None, " --trials 4"),
        ((0.5, 0.9), 4, 0.85, None, " --until 1"),
        ((0.5, 0.9), 2, 0.85, None, " --trials 4 --until 1"),
        ((0.5, 0.8), 4, 0.85, "", None),
        ((0.5, 1.0), 4, 0.85, None, None),  # nothing is better than perfect
    ],
)
def test_the_command_that_goes_on_trains_something(
    tmp_path: Path, scores: tuple[float, ...], total: int, until: float | None, resume: str | None, more: str | None
) -> None:
    folder = _study(tmp_path, *(ended(number, score=score) for number, score in enumerate(scores)), total=total)
    settings = folder.path / "settings.json"
    stored = json.loads(settings.read_text())
    stored["settings"]["until"] = until
    settings.write_text(json.dumps(stored))
    summary, command = stored_summary(folder), f"python -m search resume toy --runs {tmp_path}"

    assert summary.resume_command == (None if resume is None else command)
    assert summary.more_command == (None if more is None else command + more)


def test_a_study_that_has_stopped_improving_is_done_and_can_go_on(tmp_path: Path) -> None:
    folder = _study(tmp_path, *(ended(number, score=0.9) for number in range(3)), total=8)
    settings = folder.path / "settings.json"
    stored = json.loads(settings.read_text())

    for limit, status in ((2, "done"), (3, "stopped")):
        stored["settings"]["no_improvement_trials"] = limit
        settings.write_text(json.dumps(stored))
        assert stored_summary(folder).status == status

    stored["settings"]["no_improvement_trials"] = 2
    settings.write_text(json.dumps(stored))
    more = f"python -m search resume toy --runs {tmp_path} --no-improvement-trials 4"
    assert stored_summary(folder).more_command == more


def test_what_further_trials_would_gain_is_told_from_the_tenth_trial_on(tmp_path: Path) -> None:
    few = _study(tmp_path / "few", *(ended(number, score=0.5 + 0.01 * number) for number in range(9)))
    many = _study(tmp_path / "many", *(ended(number, score=0.5 + 0.01 * number) for number in range(10)))
    gain = stored_summary(many).expected_gain

    assert stored_summary(few).expected_gain is None
    assert gain is not None
    assert 0.0 < gain.mean < gain.most
    assert "another 20 trials would likely gain less than" in "\n".join(end_lines(stored_summary(many)))
    assert stored_summary(many, reason=SPACE_TRIED).expected_gain is None


@pytest.mark.parametrize("reason", [GRID_TRIED, SPACE_TRIED])
def test_a_space_that_is_exhausted_is_done_and_has_no_more_trials(tmp_path: Path, reason: str) -> None:
    folder = _study(tmp_path, ended(0))
    folder.write_summary(stored_summary(folder, reason=reason))
    folder.write_summary(replace(stored_summary(folder), reason=reason))

    summary = stored_summary(folder)

    assert (summary.status, summary.resume_command, summary.more_command) == ("done", None, None)
    assert f"ended: {reason}" in status_text(summary)


def test_a_minimised_score_s_best_is_the_lowest(tmp_path: Path) -> None:
    folder = _study(tmp_path, ended(0, score=0.5), ended(1, score=0.25))
    settings = folder.path / "settings.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"direction": "minimize", "metric": "val_loss"}))

    best = stored_summary(folder).best

    assert best is not None
    assert (best.trial, best.value) == (1, 0.25)


def test_the_measurement_is_part_of_it(tmp_path: Path) -> None:
    folder = _study(tmp_path, ended(0))
    folder.best.mkdir()
    measurement = Measurement(schema=1, trial=0, correct=9, images=10, accuracy=0.9, interval_95=(0.6, 0.98))
    (folder.best / "measurement.json").write_text(json.dumps(asdict(measurement)))

    test = stored_summary(folder).test

    assert test is not None
    assert (test.accuracy, test.interval_95, test.images) == (0.9, (0.6, 0.98), 10)


def test_while_a_study_with_an_answer_goes_on_its_best_score_stands_beside_the_answer(tmp_path: Path) -> None:
    folder = _study(tmp_path, ended(0, score=0.8), ended(1, score=0.9))
    assert stored_summary(folder).best_of_search is None
    folder.best.mkdir()
    measurement = Measurement(schema=1, trial=0, correct=9, images=10, accuracy=0.9, interval_95=(0.6, 0.98))
    (folder.best / "measurement.json").write_text(json.dumps(asdict(measurement)))
    with filelock.FileLock(folder.path / ".lock"):
        live = live_summary(folder)

    assert live.best is not None
    assert live.best_of_search is not None
    assert (live.best.trial, live.best_of_search.trial, live.best_of_search.value) == (0, 1, 0.9)
    line = "  the best score of the search is 0.9000, of trial 1"
    assert f"{line}; the winner is chosen again at the end of the search" in status_text(live).splitlines()
    assert line in end_lines(replace(live, status="done"))


def test_a_study_that_a_driver_works_on_is_running(tmp_path: Path) -> None:
    folder = _study(tmp_path, ended(0))
    folder.trial(1).mkdir()

    with filelock.FileLock(folder.path / ".lock"):
        assert live_summary(folder).latest is None  # no log yet
        folder.log.write_text("10:00:00 loading digits\n10:00:09 measuring trial 0 on the test images\n")
        live = live_summary(folder)

    assert (live.status, live.latest) == ("running", "10:00:09 measuring trial 0 on the test images")
    assert status_text(live).splitlines()[:2] == ["study toy: running", live.latest]
    assert live.trials == TrialCounts(total=4, complete=1, running=1)
    assert live_summary(folder).status == "stopped"


@pytest.mark.parametrize(
    ("error", "status", "code", "resumable"),
    [
        (StorageError("disk full"), "failed", 5, True),
        (Interrupted("asked to stop"), "stopped", 130, True),
        (DataError("gone"), "failed", 3, False),
    ],
)
def test_an_error_s_summary_keeps_what_the_folder_holds(
    tmp_path: Path, error: StorageError, status: str, code: int, resumable: object
) -> None:
    _study(tmp_path, ended(0))

    summary = failed_summary(error, study="toy", runs=str(tmp_path))

    assert (summary.status, summary.exit_code, summary.resumable) == (status, code, resumable)
    assert summary.reason == str(error)
    assert summary.trials is not None
    assert (summary.resume_command is not None) == resumable


def test_an_error_before_there_is_a_study_is_not_resumable(tmp_path: Path) -> None:
    summary = failed_summary(StorageError("no server"), study="toy", runs=str(tmp_path))

    assert summary == replace(summary, study="toy", exit_code=5, resumable=False, resume_command=None, trials=None)


def test_who_stops_a_search_before_there_is_a_study_reads_that_the_same_command_begins_it(tmp_path: Path) -> None:
    summary = failed_summary(Interrupted("stopped by Ctrl-C"), study="toy", runs=str(tmp_path))

    assert (summary.status, summary.exit_code, summary.resumable) == ("stopped", 130, False)
    assert summary.reason == "stopped by Ctrl-C\nthe search had not started; run the command again"


def test_the_folder_of_a_study_may_be_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _study(tmp_path / "my runs", ended(0))
    monkeypatch.chdir(folder.path)
    expected = f"python -m search resume toy --runs '{tmp_path}/my runs'"
    assert stored_summary(find_run("./", "runs")).resume_command == expected


def test_a_renamed_folder_gets_a_command_with_its_name(tmp_path: Path) -> None:
    folder = _study(tmp_path, ended(0))
    folder.path.rename(tmp_path / "other")
    summary = live_summary(find_run("other", str(tmp_path)))
    assert (summary.study, summary.resume_command) == ("other", f"python -m search resume other --runs {tmp_path}")


def test_a_study_whose_trials_all_failed_is_resumed_since_it_starts_over(tmp_path: Path) -> None:
    failed = _study(tmp_path / "a", *(ended(number, state="FAIL") for number in range(4)))
    pruned = _study(tmp_path / "b", *(ended(number, state="PRUNED") for number in range(4)))
    assert (stored_summary(failed).status, stored_summary(failed).more_command) == ("stopped", None)
    assert (stored_summary(pruned).status, stored_summary(pruned).resume_command) == ("done", None)


@pytest.mark.parametrize(
    ("settings", "places", "said"),
    [
        ({"data": "photos"}, {"data": "/nowhere/photos"}, "--data photos of study 'toy' is neither /nowhere/photos"),
        ({"storage": "env:TAMIZ_STORAGE"}, {}, "the storage URL is in the environment variable TAMIZ_STORAGE, which"),
    ],
)
def test_a_command_that_would_not_work_here_is_not_printed(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    places: dict[str, str],
    said: str,
) -> None:
    folder = _study(tmp_path, ended(0))
    file = folder.path / "settings.json"
    stored = json.loads(file.read_text())
    file.write_text(json.dumps({**stored, "settings": {**stored["settings"], **settings}, "places": places}))
    assert run_command_line(["status", "toy", "--runs", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert "python -m search resume" not in shown.out
    assert shown.err.startswith(f"this study can't be continued here: {said}")
