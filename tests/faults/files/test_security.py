"""The security checklist, as far as no other test holds it: what others on the machine, and on paper, can see.

Given a machine with other people on it, and a run folder that somebody may have tampered with; what is started is
closed to them, what is read is never executed, and what is written names neither them nor the machine.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import optuna
import psutil
import pytest

from objectives.files.checkpoints import digest_file
from objectives.files.predictions import load as load_predictions
from reports.stored import layout
from search.results.run_folder import RunFolder
from search.storage.database import study_storage
from search.trainings.checkpoints import Checkpoints
from search.workers.ray_backend.local_cluster import ensure_private_token
from search.workers.ray_backend.session import RaySession
from spaces.errors import RecordError, UsageError
from tests.faults.driver.test_stops import wait
from tests.faults.files.person import PERSON, telling_of_the_person
from tests.search.driver.test_driver import SMALL_SPACE
from tests.search.fixtures.toy import ListeningProgress
from tests.servers.postgres import PostgresServer

HOUSE = Path(__file__).parents[3]
AS_THAT_PERSON = """
import platform
platform.node = lambda: "hostcanary"
from search.__main__ import main
main()
"""


def mode_of(path: Path) -> str:
    """Return a file's permissions as three digits."""
    return f"{stat.S_IMODE(path.stat().st_mode):03o}"


class Hostile:
    """Leaves a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


def test_ray_s_token_is_private_from_the_beginning(tmp_path: Path) -> None:
    ensure_private_token({}, home=tmp_path)
    token = tmp_path / ".ray" / "auth_token"
    assert (mode_of(token), mode_of(token.parent), len(token.read_text())) == ("600", "700", 64)


def test_a_token_that_is_there_is_kept_and_made_private(tmp_path: Path) -> None:
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("cafe")
    token.chmod(0o644)
    ensure_private_token({}, home=tmp_path)
    assert (token.read_text(), mode_of(token)) == ("cafe", "600")


def test_a_token_elsewhere_is_left_to_whoever_put_it_there(tmp_path: Path) -> None:
    ensure_private_token({"RAY_AUTH_TOKEN_PATH": "/run/secrets/ray"}, home=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_without_its_token_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(UsageError, match="invalid RAY_AUTH_MODE 'disabled': anyone who reaches this machine could run"):
        RaySession.begin(log_file=tmp_path / "log.txt", workers=1)


def test_a_hostile_pickle_among_predictions_is_not_executed(tmp_path: Path) -> None:
    hostile = np.array([Hostile(tmp_path / "executed")], dtype=object)
    np.savez(tmp_path / "predictions.npz", probabilities=hostile, labels=hostile, images=hostile)
    with pytest.raises(RecordError):
        load_predictions(tmp_path / "predictions.npz")
    assert not (tmp_path / "executed").exists()


def test_a_hostile_pickle_as_a_checkpoint_is_not_executed(tmp_path: Path) -> None:
    folder = RunFolder.at(tmp_path, "s")
    file = folder.trial(0) / "checkpoint" / "0001.npz"
    file.parent.mkdir(parents=True)
    file.write_bytes(pickle.dumps(Hostile(tmp_path / "executed")))
    digest_file(file).write_text("0" * 64 + "  0001.npz\n")
    assert Checkpoints(folder.path, ListeningProgress()).last(layout.trial(0), title="trial 0") is None
    assert not (tmp_path / "executed").exists()


def test_a_run_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "s").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is a symbolic link"):
        RunFolder.at(tmp_path, "s")


def test_who_wants_an_open_cluster_must_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setattr(RaySession, "_live", lambda session: None)
    RaySession.begin(log_file=tmp_path / "log.txt", workers=1, is_insecure=True).close()


def test_files_written_while_ray_runs_obey_the_umask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RaySession, "_live", lambda session: None)
    before = os.umask(0o022)
    session = RaySession.begin(log_file=tmp_path / "log.txt", workers=1)
    (tmp_path / "during").touch()
    session.close()
    (tmp_path / "after").touch()
    os.umask(before)
    assert (mode_of(tmp_path / "during"), mode_of(tmp_path / "after")) == ("644", "644")


def environments(parent: psutil.Process) -> bytes:
    """Return what anyone with the person's rights sees of the processes that a search started: arguments, variables."""
    seen = b""
    for child in parent.children(recursive=True):
        for kind in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                seen += Path("/proc", str(child.pid), kind).read_bytes()
    return seen


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_password_is_in_nothing_that_a_search_leaves_or_starts_and_a_person_in_nothing_that_it_shows(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    home = tmp_path / "home" / "quetzalcoatl"
    home.mkdir(parents=True)
    (home / "small.py").write_text(SMALL_SPACE)
    scratch = Path(tempfile.mkdtemp(prefix="tz-", dir="/tmp"))
    person = {"HOME": str(home), "USER": home.name, "LOGNAME": home.name, "FAVOURITE": "envcanary"}
    variables = person | {"TAMIZ_STORAGE": postgres.url, "TMPDIR": str(scratch), "PYTHONPATH": str(HOUSE)}
    what = ["--space", str(home / "small.py"), "--study", "canary", "--trials", "100000", "--workers", "1"]
    where = ["--storage-wait", "1s", "--epochs", "2", "--json"]
    searching = subprocess.Popen(
        [sys.executable, "-c", AS_THAT_PERSON, "run", *what, *where],
        cwd=home, env=os.environ | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait(searching, (home / "runs" / "canary" / "trials" / "0001" / "result.json").exists)
    processes = environments(psutil.Process(searching.pid))
    ray_s = b"".join(path.read_bytes() for path in scratch.rglob("*") if path.is_file())
    postgres.stop()
    try:
        shown, said = searching.communicate(timeout=120)
    finally:
        postgres.start()
    files = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert searching.returncode == 5, said.decode()
    assert b"ray::WorkerActor" in processes
    secret = postgres.password.encode()
    kinds = {"processes": processes, "Ray's files": ray_s, "the terminal": shown + said, "the run folder": files}
    assert [kind for kind, held in kinds.items() if secret in held] == []
    with study_storage(postgres.url) as storage:
        study = optuna.load_study(study_name="canary", storage=storage)
        attributes = repr([study.user_attrs, study.trials]).encode()
    assert [kind for kind, word in PERSON.items() if word in shown + attributes] == []
    assert telling_of_the_person(home / "runs" / "canary") == set()
