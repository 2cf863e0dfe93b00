"""Rows 14 and 15 of the fault table: a disk that is full, on a real one of its own.

Given a run folder on a small disk of its own; the disk fills up; the person reads which, and that new trials wait; when
there is room again the search goes on, and where there is none for too long, it ends and can be continued: what was
there is whole, and only what is missing is trained.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import search.driver.loop
from objectives.files.atomic import write_whole
from objectives.messages import TrainingTask
from reports.stored import layout
from search.results.run_folder import RunFolder
from search.storage.database import study_storage
from search.storage.retry import RetryingSaver
from search.study.study import Study
from search.system.disk import DiskGuard, space_warning
from search.trainings.checkpoints import Checkpoints
from spaces.errors import StorageError
from tests.faults.storage.test_databases import ALL, SETTINGS, entered, study_in
from tests.needs import not_here
from tests.search.driver.test_loop import Stage
from tests.search.fixtures.scripted_workers import Play, checkpoint_of, steady
from tests.search.fixtures.toy import RECIPE, ListeningProgress


@pytest.fixture(autouse=True)
def _saved_after_each_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search.driver.loop, "SAVE_SECONDS", 0.0)


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


def stage(disk: Path, storage: Any, play: Callable[[TrainingTask], Play], *, waits: float) -> Stage:
    """Return a search on a disk, with everything of it there."""

    said = ListeningProgress()
    room = DiskGuard(disk, note=said.note, wait_seconds=waits)

    def patient(study: Study, progress: ListeningProgress) -> RetryingSaver:
        return RetryingSaver(study, note=progress.note, wait_seconds=waits, disk=room)

    study = study_in(storage, disk)
    return Stage(disk, play, settings=SETTINGS, study=study, patience=patient, disk=room, progress=said)


def filling(disk: Path, *, empties: Callable[[], None] = lambda: None) -> Callable[[TrainingTask], Play]:
    """Return steady trainings, at the beginning of the third of which the disk fills up."""

    def play(task: TrainingTask) -> Play:
        if task.trial == 2 and not (disk / "ballast").exists():
            fill(disk)
            empties()
        return steady(0.1 * task.trial)

    return play


def drop(disk: Path) -> None:
    """Make room."""
    (disk / "ballast").write_bytes(b"")


def test_a_search_waits_for_room_and_goes_on(small_disk: Path) -> None:
    emptying = threading.Timer(3.0, lambda: drop(small_disk))
    with study_storage(f"sqlite:///{small_disk / 'study.db'}") as storage:
        searching = stage(small_disk, storage, filling(small_disk, empties=emptying.start), waits=60.0)
        searching.search.run()
        emptying.join()
        assert entered(storage) == ALL
    assert searching.started == [0, 1, 2, 3, 4, 5]
    assert [note.partition(" after")[0] for note in searching.progress.notes] == [
        f"disk full on {small_disk} (0 MB free): no new trials until space is freed",
        "cannot write checkpoints (No space left on device); the search continues without them",
        "disk space available again",
        "database available again",
    ]


def test_a_disk_that_stays_full_ends_the_search_in_order_and_continuing_trains_what_is_missing(
    small_disk: Path,
) -> None:
    said = re.escape(f"disk full on {small_disk} (0 MB free); finished trials are kept")
    with study_storage(f"sqlite:///{small_disk / 'study.db'}") as storage:
        first = stage(small_disk, storage, filling(small_disk), waits=2.0)
        with pytest.raises(StorageError, match=said):
            first.search.run()
    with closing(sqlite3.connect(small_disk / "study.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    drop(small_disk)
    with study_storage(f"sqlite:///{small_disk / 'study.db'}") as storage:
        second = stage(small_disk, storage, filling(small_disk), waits=0.0)
        second.search.run()
        assert entered(storage) == ALL
    assert set(second.started) <= {2, 3, 4, 5}


def test_a_search_whose_results_will_not_fit_says_so_before_it_begins(small_disk: Path) -> None:
    said = space_warning(small_disk, trials=2000, validation=10_000, classes=10)
    assert said is not None
    assert said.startswith(f"2,000 trials need about 1.2 GB on {small_disk}, where 16.")
    assert space_warning(small_disk, trials=20, validation=1_000, classes=10) is None


def test_a_checkpoint_that_finds_no_room_costs_one_line_and_no_trial(small_disk: Path) -> None:
    progress, folder = ListeningProgress(), RunFolder.at(small_disk, "toy")
    task = TrainingTask(trial=0, recipe=RECIPE, seed=0)
    fill(small_disk)
    checkpoints = Checkpoints(folder.path, progress)
    for epoch in (1, 2):
        checkpoints.keep(layout.trial(0), checkpoint_of(task, steady(0.5), epoch=epoch))
    assert progress.notes == ["cannot write checkpoints (No space left on device); the search continues without them"]
    assert checkpoints.last(layout.trial(0), title="trial 0") is None


def test_a_report_that_finds_no_room_is_left_as_it_was(small_disk: Path) -> None:
    report = small_disk / "report.html"
    report.write_text("the old one")
    fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        write_whole(report, "the new one" * 10_000)
    assert (report.read_text(), sorted(path.name for path in small_disk.iterdir())) == (
        "the old one",
        ["ballast", "report.html"],
    )
