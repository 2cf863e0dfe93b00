"""A file takes its name when all of it is on disk, with the permissions that the umask leaves."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from objectives.files.atomic import write_whole


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_file_is_readable_as_the_umask_says(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "report.html", "page")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "report.html").stat().st_mode) == mode


def test_an_interrupted_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    write_whole(tmp_path / "report.html", "old")

    with pytest.raises(TypeError):
        write_whole(tmp_path / "report.html", 5)  # type: ignore[arg-type]

    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "old"
