"""The three ways of showing a search: a live block, plain lines, nothing."""

from __future__ import annotations

import io
import os
import pty
import time
from pathlib import Path

import pytest
from rich.console import Console

from search.progress.display import QuietProgress, open_progress
from search.progress.live import MOST_LINES, LiveProgress
from search.progress.plain import PlainProgress
from search.progress.protocol import Progress
from search.wording import printable, write_line
from tests.search.fixtures.progress_plan import ended, epoch, plan


def _tell(progress: Progress) -> None:
    """A small search: one trial of each state and one under way."""
    progress.phase("loading digits")
    progress.started(plan())
    for trial in range(4):
        progress.trial_started(trial, {"filters": 16}, worker=trial % 2)
        progress.epoch_reported(trial, epoch(1), worker=trial % 2)
    progress.trial_ended(ended(0, score=0.9, baseline="by_hand"))
    progress.trial_ended(ended(1, score=0.25, state="PRUNED"))
    progress.trial_ended(ended(2, score=None, state="FAIL", message="loss became NaN at epoch 2"))
    progress.note("trial 3: worker died, retrying")


def _block(progress: LiveProgress, *, width: int, height: int = 24, encoding: str = "utf-8") -> list[str]:
    """The block's lines as a terminal of that size would show them."""
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    console.print(progress, end="")
    out.flush()
    return out.buffer.getvalue().decode(encoding).splitlines()  # type: ignore[attr-defined]


def _told_live() -> LiveProgress:
    progress = LiveProgress(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    _tell(progress)
    progress.ended()
    return progress


def test_plain_lines_tell_each_trial_once() -> None:
    out = io.StringIO()
    progress = PlainProgress(out)
    _tell(progress)
    progress.ended()

    assert out.getvalue().splitlines() == [
        "loading digits",
        "study net-digits: space net on digits, 8 trials of up to 4 epochs, 2 workers",
        "[1/8] trial 0 complete (baseline by_hand), val_accuracy 0.9000 at epoch 3 of 4, 10 s, best so far",
        "[2/8] trial 1 pruned, val_accuracy 0.2500 at epoch 3 of 4, 10 s",
        "[3/8] trial 2 failed, loss became NaN at epoch 2, 10 s",
        "trial 3: worker died, retrying",
    ]


def test_plain_lines_come_with_a_status_now_and_then() -> None:
    out = io.StringIO()
    progress = PlainProgress(out, status_seconds=0.02)
    _tell(progress)
    deadline = time.monotonic() + 10
    while "; best" not in out.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    progress.ended()
    after = out.getvalue()
    time.sleep(0.1)

    status = "3 of 8 trials: 1 complete, 1 pruned, 1 failed, 1 running; best val_accuracy 0.9000 (trial 0); 0 s elapsed"
    assert status in after
    assert out.getvalue() == after


def test_earlier_trials_are_mentioned() -> None:
    out = io.StringIO()
    progress = PlainProgress(out)
    progress.started(plan(earlier=(ended(0), ended(1))))
    progress.ended()

    assert "8 trials of up to 4 epochs (2 of them done), 2 workers" in out.getvalue()


def test_quiet_says_notes_alone() -> None:
    out = io.StringIO()
    progress = QuietProgress(out)
    progress.info("trains on processor X")
    _tell(progress)
    progress.ended()

    assert out.getvalue() == "trial 3: worker died, retrying\n"


def test_the_block_shows_counts_best_and_workers() -> None:
    lines = _block(_told_live(), width=80)

    assert lines[:4] == [
        "net on digits, study net-digits",
        "3 of 8 trials: 1 complete, 1 pruned, 1 failed, 1 running",
        "best val_accuracy 0.9000, trial 0, baseline by_hand",
        "  filters=16, learning_rate=0.00123",
    ]
    assert lines[4].startswith("0 s elapsed")
    assert lines[5:] == ["worker 1  trial 3  epoch 1/4  0.5000"]


def test_the_block_says_what_is_done_before_the_first_trial() -> None:
    progress = LiveProgress(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    progress.phase("loading digits")
    progress.ended()

    assert _block(progress, width=80) == ["loading digits"]


def test_after_the_time_is_up_the_block_says_what_is_done_and_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = LiveProgress(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    progress.started(plan(timeout_seconds=0.0, earlier=(ended(0), ended(1), ended(2))))
    progress.trial_started(3, {}, worker=0)
    progress.phase("time is up: finishing the current epochs")
    progress.ended()
    finishing = _block(progress, width=40)
    progress.trial_paused(3)
    progress.phase("measuring trial 0 on the test images")
    progress.phase_reached(2560, 10_000, "image")
    progress.ended()
    later = time.monotonic() + 12
    monkeypatch.setattr("search.progress.search_status.time.monotonic", lambda: later)
    measuring = _block(progress, width=40)

    assert finishing[-2:] == ["time is up: finishing the current epochs", "worker 0  trial 3  first epoch"]
    assert measuring[1] == "3 of 8 trials: 3 complete"
    assert measuring[-2:] == ["measuring trial 0 on the test images", "2,560 of 10,000 images, 12 s"]
    assert " left" not in "".join([*finishing, *measuring])


def test_plain_lines_say_what_is_done_after_the_time_is_up() -> None:
    out = io.StringIO()
    progress = PlainProgress(out, status_seconds=0.02)
    progress.started(plan(timeout_seconds=0.0, earlier=(ended(0), ended(1), ended(2))))
    progress.phase("measuring trial 0 on the test images")
    progress.phase_reached(2560, 10_000, "image")
    deadline = time.monotonic() + 10
    while "2,560" not in out.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    progress.ended()

    assert "; 0 s elapsed; measuring trial 0 on the test images, 2,560 of 10,000 images\n" in out.getvalue()
    assert " left" not in out.getvalue()


@pytest.mark.parametrize(("workers", "last"), [(6, "worker 5"), (7, "2 more workers"), (400, "395 more workers")])
def test_many_workers_are_folded_into_twelve_lines(workers: int, last: str) -> None:
    progress = LiveProgress(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    progress.started(plan(workers=workers, earlier=(ended(0, params={f"parameter_{n}": n for n in range(30)}),)))
    for worker in range(workers):
        progress.trial_started(1 + worker, {}, worker=worker)
    progress.ended()

    lines = _block(progress, width=80)

    assert len(lines) == MOST_LINES
    assert lines[-1].startswith(last)


def test_parameters_that_do_not_fit_are_marked_as_left_out() -> None:
    progress = LiveProgress(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    progress.started(plan(earlier=(ended(0, params={f"parameter_{n}": n for n in range(30)}),)))
    progress.ended()

    params = [line for line in _block(progress, width=40) if line.startswith("  ")]

    assert len(params) == 2
    assert params[-1].endswith(", ...")


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_of_the_block_is_wider_than_the_terminal(width: int) -> None:
    lines = _block(_told_live(), width=width)

    assert max(map(len, lines)) <= width
    assert len(lines) <= MOST_LINES


def test_the_block_fits_a_low_terminal() -> None:
    assert len(_block(_told_live(), width=80, height=5)) == 4


def test_a_terminal_without_unicode_gets_plain_characters() -> None:
    progress = LiveProgress(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    progress.started(plan(earlier=(ended(0, params={"name": "größer"}),)))
    progress.ended()

    assert "  name=gr??er" in _block(progress, width=20, encoding="ascii")


def test_notes_and_what_went_wrong_stay_above_the_block() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    progress = LiveProgress(out)
    _tell(progress)
    progress.ended()
    out.flush()

    shown = out.buffer.getvalue()  # type: ignore[attr-defined]
    assert b"trial 2 failed: loss became NaN at epoch 2\n" in shown
    assert b"trial 3: worker died, retrying\n" in shown


@pytest.mark.parametrize(("term", "kind"), [("xterm", LiveProgress), ("dumb", PlainProgress), ("", PlainProgress)])
def test_a_terminal_gets_the_block_unless_it_is_dumb(monkeypatch: pytest.MonkeyPatch, term: str, kind: type) -> None:
    monkeypatch.setenv("TERM", term)
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as terminal, open_progress(terminal, quiet=False) as progress:
        assert type(progress) is kind
    os.close(master)


@pytest.mark.parametrize(("quiet", "kind"), [(False, PlainProgress), (True, QuietProgress)])
def test_a_file_gets_plain_lines_and_quiet_nothing(tmp_path: Path, quiet: bool, kind: type) -> None:  # noqa: FBT001
    with (tmp_path / "log").open("w") as file, open_progress(file, quiet=quiet) as progress:
        assert type(progress) is kind


def test_progress_stays_where_it_began_when_stderr_is_sent_elsewhere(tmp_path: Path) -> None:
    with (
        (tmp_path / "terminal").open("w") as terminal,
        (tmp_path / "log").open("w") as log,
        open_progress(terminal, quiet=False) as progress,
    ):
        os.dup2(log.fileno(), terminal.fileno())
        progress.note("still here")

    assert (tmp_path / "terminal").read_text() == "still here\n"


def test_a_closed_stream_does_not_end_a_search() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = open(writer, "w", buffering=1)  # noqa: PTH123, SIM115
    write_line(stream, "nobody listens")
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[31mb\nc\u202e", encoding="utf-8") == "a [31mb c "
