"""How a command ends: what goes to stdout, what to stderr, in which order."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from objectives.evaluation.metrics import Direction
from reports.stored.confirmation import Confirmation, ConfirmedCandidate
from reports.stored.for_the_record import AgainstAnswer, ForTheRecord, OnTest, RecordRow
from reports.stored.outcome import BestTrial, TestScore
from reports.stored.records import MetricScore
from search.cli.output import (
    Output,
    print_end,
    print_error,
    write_crash,
)
from search.results.ending import end_lines
from search.results.summary import DataSummary, RunSummary, Seconds, TrialCounts
from search.settings import (
    resume_command,
)
from search.storage.url import resolve_storage

DONE = RunSummary(
    study="net-digits",
    status="done",
    exit_code=0,
    metric="val_accuracy",
    direction=Direction.MAXIMIZE,
    trials=TrialCounts(total=16, complete=9, pruned=6, failed=1),
    best=BestTrial(trial=7, value=0.981, params={"filters": 32}, recipe={}, parameters=61706, epochs=8),
    baselines={"by_hand": 0.941, "worse": None},
    test=TestScore(accuracy=0.9778, interval_95=(0.9569, 0.9886), images=360),
    data=DataSummary(name="digits", fingerprint="sha256:0", train=1149, validation=288, test=360, classes=("0", "1")),
    seconds=Seconds(total=61.2, training=55.0),
    epochs_trained=84,
    run_dir="runs/net-digits",
    report="runs/net-digits/report.html",
    model="runs/net-digits/best/model.keras",
    more_command="python -m search resume net-digits --trials 32",
)
STOPPED = replace(
    DONE,
    status="stopped",
    exit_code=130,
    reason="asked to stop",
    resumable=True,
    resume_command="python -m search resume net-digits",
    more_command=None,
)
FAILED = RunSummary(study=None, status="failed", exit_code=3, reason="no usable data\nhere")


def test_the_end_tells_best_baselines_test_and_next_command() -> None:
    assert end_lines(DONE) == [
        "best val_accuracy 0.9810 on 288 validation images: trial 7, 61,706 weights, 8 epochs",
        "  +0.0400 against baseline by_hand (0.9410)",
        "  baseline worse has no score",
        "test accuracy 0.9778 on 360 test images (95 % interval 0.9569 to 0.9886)",
        "16 of 16 trials: 9 complete, 6 pruned, 1 failed; 84 epochs in 1 min 1 s",
        "model: runs/net-digits/best/model.keras",
        "  its classes, in the order of its outputs: model_card.json beside it",
        "more trials: python -m search resume net-digits --trials 32",
    ]


@pytest.mark.parametrize(("chosen", "of_trial"), [(7, ""), (9, "trial 9: ")])
def test_the_mean_of_the_fresh_seeds_is_that_of_the_trial_they_chose(chosen: int, of_trial: str) -> None:
    seen = ConfirmedCandidate(
        trial=chosen, search_score=0.99, scores=(0.97, 0.98), mean=0.975, interval_95=(0.95, 0.99)
    )
    confirmed = Confirmation(
        schema=1,
        seeds=(1, 2),
        candidates=(seen,),
        is_complete=True,
        chosen=chosen,
        mean=0.975,
        interval_95=(0.95, 0.99),
        noise=0.007,
        tied=(chosen,),
    )

    assert end_lines(replace(DONE, confirmed=confirmed))[1] == (
        f"  {of_trial}0.9750 in the mean of 2 fresh seeds (95 % interval 0.9500 to 0.9900); "
        "0.0070 standard deviation between seeds"
    )


def test_baseline_and_start_follow_on_the_same_test_images() -> None:
    def row(role: str, name: str | None, *, accuracy: float, p: float | None = None) -> RecordRow:
        score = MetricScore(metric="accuracy", value=accuracy, interval_95=(0.0, 1.0))
        test = OnTest(
            accuracy=accuracy, interval_95=(0.0, 1.0), score=score, loss=0.1, macro_f1=0.9, calibration_error=0.01
        )
        against = AgainstAnswer(only_answer_right=9, only_this_right=1, p_accuracy=p, p_score=None) if p else None
        return RecordRow(role=role, trial=1, name=name, test=test, against_answer=against)

    rows = (
        row("answer", "advised", accuracy=0.9778),
        row("search", None, accuracy=0.99, p=0.5),
        row("baseline", "by_hand", accuracy=0.9, p=0.0004),
        row("start", "advised", accuracy=0.9778),
        RecordRow(role="start", trial=3, name="lost", missing="its model was not kept"),
    )
    lines = end_lines(replace(DONE, for_the_record=ForTheRecord(schema=1, images=360, rows=rows)))
    place = lines.index("test accuracy 0.9778 on 360 test images (95 % interval 0.9569 to 0.9886)")

    assert lines[place + 1 : place + 4] == [
        "  accuracy +0.0778 against baseline by_hand (0.9000), p < 0.001",
        "  start lost is not measured: its model was not kept",
        "16 of 16 trials: 9 complete, 6 pruned, 1 failed; 84 epochs in 1 min 1 s",
    ]


def test_the_metric_that_was_asked_for_comes_before_the_accuracy() -> None:
    assert DONE.test is not None
    score = MetricScore(metric="macro_f1", value=0.91, interval_95=(0.88, 0.93))
    lines = end_lines(replace(DONE, metric="macro_f1", test=replace(DONE.test, score=score)))

    assert [line for line in lines if line.startswith("test ")] == [
        "test macro_f1 0.9100 on 360 test images (95 % interval 0.8800 to 0.9300)",
        "test accuracy 0.9778 on 360 test images (95 % interval 0.9569 to 0.9886)",
    ]


def test_what_was_allowed_is_said_first() -> None:
    assert DONE.data is not None
    warned = replace(DONE, data=replace(DONE.data, warnings=("1 image of test is also in train",)))

    assert end_lines(warned)[0] == "warning: 1 image of test is also in train"


def test_a_search_without_a_complete_trial_says_so() -> None:
    assert end_lines(FAILED)[0] == "no trial is complete yet"


def test_stdout_holds_the_report_s_path_alone(capsys: pytest.CaptureFixture[str]) -> None:
    print_end(DONE, Output())

    out, err = capsys.readouterr()
    assert out == "runs/net-digits/report.html\n"
    assert err.splitlines() == [*end_lines(DONE), "report:"]


def test_quiet_prints_nothing_but_the_path(capsys: pytest.CaptureFixture[str]) -> None:
    print_end(DONE, Output(quiet=True))

    assert capsys.readouterr() == ("runs/net-digits/report.html\n", "")


def test_json_is_the_one_thing_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    print_end(DONE, Output(json=True))

    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    assert found["trials"] == {"total": 16, "complete": 9, "pruned": 6, "failed": 1, "running": 0}
    assert found["test"] == {
        "accuracy": 0.9778,
        "interval_95": [0.9569, 0.9886],
        "images": 360,
        "kind": "search",
        "score": None,
        "refit": None,
    }
    assert found["resume_command"] is None


def test_the_object_has_the_keys_that_programs_rely_on() -> None:
    assert set(json.loads(DONE.to_json())) >= {
        "schema", "study", "status", "exit_code", "reason", "resumable", "resume_command", "metric", "direction",
        "trials", "best", "baselines", "test", "data", "seconds", "epochs_trained", "run_dir", "report", "model",
    }  # fmt: skip


def test_a_stopped_search_ends_with_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    print_end(STOPPED, Output())

    lines = capsys.readouterr().err.splitlines()
    assert "ended: asked to stop" in lines
    assert lines[-2:] == ["resume with: python -m search resume net-digits", "report:"]


def test_a_winner_that_is_a_baseline_is_distinguished_from_an_equal_score() -> None:
    assert DONE.best is not None
    by_hand = replace(DONE, best=replace(DONE.best, baseline="by_hand"), baselines={"by_hand": 0.981, "other": 0.981})

    assert end_lines(by_hand)[1:3] == [
        "  which is baseline by_hand: no trial beat it",
        "  equal to baseline other (0.9810)",
    ]


def test_an_error_is_told_before_the_json_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    print_end(FAILED, Output(json=True))

    out, err = capsys.readouterr()
    assert json.loads(out)["reason"] == "no usable data\nhere"
    assert err == "error: no usable data\nhere\n"


def test_an_error_has_six_lines_at_most_and_the_last_is_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("\n".join(f"line {n}" for n in range(20)), resume_command="python -m search resume s")

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert lines[0] == "error: line 0"
    assert lines[-1] == "resume with: python -m search resume s"


def test_a_folder_with_a_space_is_quoted() -> None:
    assert resume_command("s", "my runs") == "python -m search resume s --runs 'my runs'"
    assert resume_command("s", "runs") == "python -m search resume s"


def _crash() -> Exception:
    try:
        raise ValueError("can't reach postgresql://ada:canary@127.0.0.1/db")
    except ValueError as error:
        return error


def test_a_crash_keeps_its_traceback_without_passwords(tmp_path: Path) -> None:
    resolve_storage("env:DB", {"DB": "postgresql://ada:canary@127.0.0.1/db"})

    told = write_crash(_crash(), tmp_path / "study")
    kept = (tmp_path / "study" / "crash.txt").read_text()

    assert told.startswith("internal error: ValueError: can't reach ***\n")
    assert "Traceback" in kept
    assert "raise ValueError" in kept
    assert "canary" not in told + kept.replace("raise ValueError(\"can't reach postgresql://ada:canary", "")


def test_a_crash_that_can_t_be_kept_is_shown(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert "Traceback" in write_crash(_crash(), tmp_path / "file" / "study")


def test_a_command_that_is_done_ends_with_its_own_code_whatever_strikes_or_lingers() -> None:
    done = """
import os, signal, sys, threading, time
from search.cli.output import exit_process

class Struck:
    def flush(self):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=time.sleep, args=(600,)).start()
sys.stdout = Struck()
exit_process(4)
"""
    assert subprocess.run([sys.executable, "-c", done], timeout=100, check=False).returncode == 4
