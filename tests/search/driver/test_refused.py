"""What a search that is refused leaves behind."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from reports.stored import layout
from search.cli.app import run_command_line
from search.driver.compatibility import removed_if_refused
from spaces.errors import StorageError, TamizError, UsageError


def _left(folder: Path, error: TamizError, *, before: tuple[str, ...] = (), made: tuple[str, ...] = ()) -> list[str]:
    """Return the files that are left of a search that found and made some, and ended with an error."""
    for file in before:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    with contextlib.suppress(type(error)), removed_if_refused(folder):
        for file in (layout.SETTINGS, layout.LOG, layout.DATABASE, f"{layout.TRIALS}/0000/checkpoint/x", *made):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).touch()
        raise error
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_new_study_leaves_no_folder(tmp_path: Path) -> None:
    assert _left(tmp_path / "s", UsageError("no GPU")) == []
    assert not (tmp_path / "s").exists()


def test_other_files_stay(tmp_path: Path) -> None:
    assert _left(tmp_path / "s", UsageError("no GPU"), before=("notes.txt",)) == ["notes.txt"]


def test_a_study_that_was_there_stays(tmp_path: Path) -> None:
    left = _left(tmp_path / "s", UsageError("no GPU"), before=(layout.SETTINGS,))
    assert layout.DATABASE in left


def test_a_trial_that_has_ended_stays(tmp_path: Path) -> None:
    left = _left(tmp_path / "s", UsageError("no GPU"), made=(layout.trial(1, layout.RESULT),))
    assert layout.trial(1, layout.RESULT) in left


def test_other_errors_leave_the_folder(tmp_path: Path) -> None:
    assert layout.LOG in _left(tmp_path / "s", StorageError("the disk is full"))


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        (["--device", "gpus"], "invalid --device 'gpus': expected auto, cpu or gpu\nDid you mean 'gpu'?"),
        (["--trials-per-gpu", "0"], "invalid --trials-per-gpu '0': expected"),
    ],
)
def test_options_that_are_refused(
    tmp_path: Path, options: list[str], reported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["run", "--space", "cnn_cifar", "--runs", str(tmp_path), *options]) == 2
    assert reported in capsys.readouterr().err


@pytest.mark.slow
def test_a_gpu_that_the_backend_does_not_see_is_refused_before_any_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    command = ["run", "--space", "cnn_cifar", "--data", "digits", "--study", "s", "--runs", str(tmp_path)]
    assert run_command_line([*command, "--executor", "inline", "--device", "gpu"]) == 2
    assert "invalid --device 'gpu': TensorFlow sees no GPU: CUDA_VISIBLE_DEVICES is ''" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
