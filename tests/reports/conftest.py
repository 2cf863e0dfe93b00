"""Run folders that several tests read; those that change one take a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.stored.read import read_run
from reports.stored.run import Run
from tests.reports.run_folders import write_run


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search on the digits, 12 trials; not to be changed."""
    return write_run(tmp_path_factory.mktemp("runs") / "digits", trials=12, distinct=6)


@pytest.fixture(scope="session")
def digits_run(digits_folder: Path) -> Run:
    """The same, read."""
    return read_run(digits_folder)


@pytest.fixture
def copied(digits_folder: Path, tmp_path: Path) -> Path:
    """A copy of the finished search, to be damaged."""
    return Path(shutil.copytree(digits_folder, tmp_path / "digits"))


@pytest.fixture
def problems() -> Callable[[Path], dict[str, str]]:
    """Reads a folder and returns its gaps, part by part."""
    return lambda folder: {gap.part: gap.problem for gap in read_run(folder).gaps}
