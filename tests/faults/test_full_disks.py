"""Rows 14 and 15 of the fault table: a disk that is full, on a real one of its own.

Given a run folder on a small disk of its own; the disk fills up; the person reads what can't be written, and the
command that goes on; when there is room again, continuing trains only what is missing, and what was there is whole.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from objectives.records import TrainingTask
from search.patience import PatientSaving
from search.storage import study_storage
from spaces.errors import StorageError
from tests.faults.test_databases import ALL, SETTINGS, entered, study_in
from tests.needs import not_here
from tests.search.scripted_workers import Play, steady
from tests.search.test_loop import Stage


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of sixteen megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tamiz-test", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        not_here("a small disk: mounting a tmpfs is not allowed", debian_package="mount, as root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> None:
    """Leave no room."""
    with (disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(b"\0" * 4096)


def test_a_full_disk_ends_the_search_in_order_and_continuing_trains_what_is_missing(small_disk: Path) -> None:
    def play(task: TrainingTask) -> Play:
        if task.trial == 2 and not (small_disk / "ballast").exists():
            fill(small_disk)
        return steady(0.1 * task.trial)

    def stage() -> Stage:
        study = study_in(storage, small_disk)
        return Stage(
            small_disk,
            play,
            settings=SETTINGS,
            study=study,
            patience=lambda study, progress: PatientSaving(study, note=progress.note, patience_seconds=0.0),
        )

    with study_storage(f"sqlite:///{small_disk / 'study.db'}") as storage, pytest.raises(StorageError) as raised:
        stage().search.run()
    said = str(raised.value)
    (small_disk / "ballast").write_bytes(b"")
    with study_storage(f"sqlite:///{small_disk / 'study.db'}") as storage:
        second = stage()
        second.search.run()
        assert entered(storage) == ALL
    assert "No space left" in said or "full" in said
    assert set(second.started) <= {2, 3, 4, 5}
