"""The cache of decoded images: built once, by one process, and rebuilt where it is damaged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from objectives.data.records import BadFile, Dataset
from objectives.data.store import fingerprint, stored
from objectives.files.cache import UNUSED_SECONDS
from spaces.errors import StorageError


def dataset(**changes: object) -> Dataset:
    values: dict[str, object] = {
        "name": "small",
        "classes": ("a", "b"),
        "images": np.arange(24, dtype=np.uint8).reshape(2, 3, 4, 1),
        "labels": np.array([0, 1], np.int32),
        "given_validation": np.array([1], np.int32),
        "test_images": np.zeros((1, 3, 4, 1), np.uint8),
        "test_labels": np.zeros(1, np.int32),
        "fingerprint": "",
        "bad_files": (BadFile(path="a/1.png", problem="empty"),),
    }
    return Dataset(**(values | changes))  # type: ignore[arg-type]


class Build:
    """Builds the small dataset and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, scratch: Path) -> Dataset:
        self.calls += 1
        return dataset()


def kept(tmp_path: Path, build: Callable[[Path], Dataset], identity: str = "one") -> Dataset:
    return stored(tmp_path / "decoded", name="small", identity=identity, build=build)


def test_what_is_read_is_what_was_built(tmp_path: Path) -> None:
    kept(tmp_path, Build())
    again = kept(tmp_path, Build())

    assert (fingerprint(again), again.bad_files, again.fingerprint) == (
        fingerprint(dataset()),
        dataset().bad_files,
        fingerprint(dataset()),
    )


def test_it_is_built_once(tmp_path: Path) -> None:
    build = Build()
    for _ in range(3):
        kept(tmp_path, build)

    assert build.calls == 1


def test_another_identity_is_built_anew(tmp_path: Path) -> None:
    build = Build()
    for identity in ("one", "two"):
        kept(tmp_path, build, identity)

    assert build.calls == 2


def test_what_was_not_used_for_a_month_goes_when_something_new_comes(tmp_path: Path) -> None:
    build = Build()
    for identity in ("unused", "used"):
        kept(tmp_path, build, identity)
    for path in (tmp_path / "decoded").iterdir():
        month_ago = path.stat().st_mtime - UNUSED_SECONDS
        os.utime(path, (month_ago, month_ago))
    for identity in ("used", "new", "used", "new"):
        kept(tmp_path, build, identity)
    assert build.calls == 3

    kept(tmp_path, build, "unused")
    assert build.calls == 4


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("file", ["images.npy", "test_images.npy", "labels.npy", "entry.json", "given_validation.npy"])
@pytest.mark.parametrize("damage", [truncate, flip_a_bit, Path.unlink])
def test_a_damaged_entry_is_rebuilt(tmp_path: Path, damage: Callable[[Path], None], file: str) -> None:
    build = Build()
    kept(tmp_path, build)
    (entry,) = (path for path in (tmp_path / "decoded").iterdir() if path.is_dir())
    damage(entry / file)
    again = kept(tmp_path, build)

    assert (build.calls, fingerprint(again)) == (2, fingerprint(dataset()))


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fails(scratch: Path) -> Dataset:
        (scratch / "images.npy").write_bytes(b"half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        kept(tmp_path, fails)

    assert [path for path in (tmp_path / "decoded").iterdir() if path.is_dir()] == []


def test_what_a_killed_process_left_is_no_hindrance(tmp_path: Path) -> None:
    def killed(scratch: Path) -> Dataset:
        (scratch / "images.npy").write_bytes(b"half")
        shutil.copytree(scratch, tmp_path / "left")
        raise RuntimeError(scratch.name)

    with pytest.raises(RuntimeError) as caught:
        kept(tmp_path, killed)
    shutil.copytree(tmp_path / "left", tmp_path / "decoded" / str(caught.value))

    assert fingerprint(kept(tmp_path, Build())) == fingerprint(dataset())


def test_two_at_once_build_once(tmp_path: Path) -> None:
    build, gate = Build(), threading.Barrier(2)

    def run() -> None:
        gate.wait()
        kept(tmp_path, build)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert build.calls == 1


def test_a_full_disk_is_a_storage_error(tmp_path: Path) -> None:
    def fails(scratch: Path) -> Dataset:
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left on device; TAMIZ_CACHE"):
        kept(tmp_path, fails)


CHANGES = {
    "a class's name": {"classes": ("a", "c")},
    "a pixel": {"images": np.zeros((2, 3, 4, 1), np.uint8)},
    "the shape": {"images": np.arange(24, dtype=np.uint8).reshape(2, 4, 3, 1)},
    "a label": {"labels": np.array([1, 1], np.int32)},
    "a test label": {"test_labels": np.ones(1, np.int32)},
    "the validation part": {"given_validation": None},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_fingerprint_changes_with(change: dict[str, object]) -> None:
    assert fingerprint(dataset(**change)) != fingerprint(dataset())


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    program = "from tests.objectives.data.test_store import *; print(fingerprint(dataset()))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == fingerprint(dataset())
