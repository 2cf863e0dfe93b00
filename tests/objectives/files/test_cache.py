"""A cache folder: what nobody has used for a month goes, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from objectives.files.cache import UNUSED_SECONDS, mark_used, remove_unused


def aged(path: Path, seconds: float) -> Path:
    """Return a path that was used last so long before now."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))
    return path


def test_files_and_folders_of_a_month_ago_go(tmp_path: Path) -> None:
    for name in ("old", "young", "marked"):
        (tmp_path / f"{name} folder").mkdir()
        for path in (tmp_path / f"{name} folder" / "inside", tmp_path / f"{name} file"):
            path.touch()
    for name in ("old", "marked"):
        for kind in ("file", "folder"):
            aged(tmp_path / f"{name} {kind}", UNUSED_SECONDS + 60)
    for kind in ("file", "folder"):
        aged(tmp_path / f"young {kind}", UNUSED_SECONDS - 60)
        mark_used(tmp_path / f"marked {kind}")
    (tmp_path / "now").touch()

    remove_unused(tmp_path, now=tmp_path / "now")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"now", "young file", "young folder", "marked file", "marked folder"}


def test_what_is_open_can_be_read_on(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("kept")
    aged(tmp_path / "old", UNUSED_SECONDS)
    (tmp_path / "now").touch()
    with (tmp_path / "old").open() as file:
        remove_unused(tmp_path, now=tmp_path / "now")
        assert (file.read(), (tmp_path / "old").exists()) == ("kept", False)


def test_what_is_missing_or_not_ours_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remove_unused(tmp_path / "nowhere", now=tmp_path / "nowhere" / "now")
    mark_used(tmp_path / "nowhere")

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refused)
    mark_used(tmp_path)
