"""A Ray cluster of the search's own: its settings, private folder, token, log and shared memory.

Also admission to a cluster that others started.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from search.workers.ray_backend import cleanup_process
from spaces.errors import UsageError

_variables = {
    "RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE": "1",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "40",  # Ray's own minute blocks without handling Ctrl-C
    "RAY_worker_niceness": "0",  # Ray's own 15 starves workers beside other busy processes
}
_auth_mode = "RAY_AUTH_MODE"
_other_tokens = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_marks = (b":job_id:", b":actor_name:", b":task_name:")
"""Begin the lines by which Ray tells from whom those after them are."""
_longest_folder = 24
"""Characters of the temporary folder; Ray and we append up to 82, and a socket's path ends at 107."""


def set_variables() -> None:
    """Set what Ray reads from the environment, unless it is set already."""
    for name, value in _variables.items():
        os.environ.setdefault(name, value)


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Yield a folder with a short name that no other user can read; Ray's own inside it is open to all."""
    usual = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="tamiz-", dir=usual if len(usual) <= _longest_folder else "/tmp"))
    cleanup = subprocess.Popen(
        [sys.executable, "-P", cleanup_process.__file__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that Ctrl-C does not reach it
    )
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        cleanup.communicate()


def head_has_ended() -> bool:
    """Whether the head of a cluster that this process started is a child that has ended."""
    try:
        children = psutil.Process().children()
        return any(one.name() == "gcs_server" and one.status() == psutil.STATUS_ZOMBIE for one in children)
    except psutil.Error:  # one ended in between, which Ray notices itself
        return False


def append_worker_logs(folder: Path, log_file: Path) -> None:
    """Add what the workers wrote to the log of the run."""
    with log_file.open("ab") as log:
        for written in sorted(folder.glob("r/session_2*/logs/worker-*.err")):
            lines = written.read_bytes().splitlines(keepends=True)
            log.writelines(line for line in lines if not line.startswith(_marks))


def shared_memory_in_words(free_bytes: int | None, *, wanted_bytes: float) -> str | None:
    """Return a warning about shared memory that is too small for Ray; None: it is large enough, or unknown."""
    if free_bytes is None or free_bytes >= wanted_bytes:
        return None
    return (
        f"/dev/shm has {free_bytes // 2**20} MB free, so workers share images through the disk, which is slower "
        "(for a container: --shm-size)"
    )


def shared_memory_free() -> int | None:
    """Return the free bytes of shared memory; None where the system has none."""
    try:
        return shutil.disk_usage("/dev/shm").free
    except OSError:  # a system without
        return None


def object_store_bytes(nodes: Sequence[Any]) -> float:
    """Return the size of the object stores of all nodes."""
    return sum(float(node["Resources"].get("object_store_memory", 0)) for node in nodes)


def check_token_mode(environment: Mapping[str, str]) -> None:
    """Refuse to start a cluster without token authentication, in which anyone who reaches this machine could run code.

    Raises:
        UsageError: the environment switches it off.
    """
    mode = environment.get(_auth_mode, "token")
    if mode.lower() != "token":
        raise UsageError(
            f"invalid {_auth_mode} {mode!r}: anyone who reaches this machine could run code in the workers\n"
            f"Expected token, which is the default. Unset {_auth_mode}, or search without Ray: --executor inline\n"
            "If this machine cannot be reached by others: --insecure-ray"
        )


def check_not_running() -> None:
    """Refuse a process in which Ray runs already, as in a notebook that has called `ray.init`.

    Raises:
        UsageError: it does.
    """
    import ray

    if ray.is_initialized():
        raise UsageError(
            "Ray is already running in this process\n"
            "Call ray.shutdown() before the search, which starts Ray or joins ray_address, or search without Ray: "
            'executor="inline"'
        )


def ensure_private_token(environment: MutableMapping[str, str], *, home: Path | None = None) -> None:
    """Create the token that Ray would create readable for all, and make an existing one private.

    Does nothing where the environment names another token; a user without a home folder gets one there.
    """
    if any(environment.get(name) for name in _other_tokens):
        return
    try:
        token = (home or Path.home()) / ".ray" / "auth_token"
    except RuntimeError:  # no home folder is known
        environment[_other_tokens[0]] = secrets.token_hex(32)
        return
    with contextlib.suppress(OSError):  # a home that cannot be written: Ray reports that itself
        token.parent.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            file = os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w") as text:
                text.write(secrets.token_hex(32))
        token.chmod(0o600)


@contextlib.contextmanager
def admission_to(address: str) -> Iterator[str]:
    """Yield HOST:PORT of a cluster that others started, with the token of this machine if it asks for one.

    Ray sends a token only where RAY_AUTH_MODE is "token", which `ray start` sets for its own processes alone; and
    in that mode it ends a process that finds no token.

    Raises:
        UsageError: the cluster refuses the token, or there is none.
    """
    from ray._private.services import canonicalize_bootstrap_address

    head = canonicalize_bootstrap_address(address)
    cluster = f"the Ray cluster at {head if address == 'auto' else address}"
    before = os.environ.get(_auth_mode)
    try:
        _set_auth_mode(None)
        if not _admits(head):
            token = _source_of_token(os.environ)
            if token is None:
                raise UsageError(
                    f"{cluster} asks for a token, and there is none here\n"
                    f"Copy its head node's ~/.ray/auth_token here, or set {' or '.join(_other_tokens)}"
                )
            _set_auth_mode("token")
            if not _admits(head):
                raise UsageError(
                    f"{cluster} refuses the token of {token}\n"
                    "Expected the one in ~/.ray/auth_token of its head node: copy that here"
                )
        yield head
    finally:
        _set_auth_mode(before)


def _set_auth_mode(mode: str | None) -> None:
    from ray import _raylet

    os.environ.pop(_auth_mode, None)
    if mode is not None:
        os.environ[_auth_mode] = mode
    # Ray keeps the mode and the token that it read first.
    _raylet.Config.initialize("")  # type: ignore[attr-defined]
    _raylet.AuthenticationTokenLoader.instance().reset_cache()  # type: ignore[attr-defined]


def _admits(head: str) -> bool:
    from ray import _raylet
    from ray.exceptions import AuthenticationError

    try:
        _raylet.GcsClient(address=head)  # type: ignore[attr-defined]
    except AuthenticationError:
        return False
    return True


def _source_of_token(environment: Mapping[str, str]) -> str | None:
    """Return the variable or file from which Ray takes its token; None: there is no token."""
    for_value, for_path = _other_tokens
    if environment.get(for_value):
        return for_value
    path = environment.get(for_path) or "~/.ray/auth_token"
    try:
        return path if Path(path).expanduser().read_text().strip() else None
    except (OSError, RuntimeError):  # no such file, or no home folder
        return None


@contextlib.contextmanager
def ray_lines_to(log_file: Path) -> Iterator[None]:
    """Write what Ray logs and prints in this process to a file, never to the terminal."""
    from ray._private import worker

    logger = logging.getLogger("ray")
    file = logging.FileHandler(log_file, encoding="utf-8", delay=True)
    # Ray advises to switch authentication off, which would open the workers to everyone who reaches this machine.
    file.addFilter(lambda record: f"{_auth_mode}=disabled" not in record.getMessage())
    before, logger.handlers, logger.propagate = logger.handlers, [file], False
    # With `log_to_driver=False` Ray still prints on stdout what the raylet reports of dead workers.
    printing, worker.print_to_stdstream = worker.print_to_stdstream, _log_lines
    try:
        yield
    finally:
        worker.print_to_stdstream = printing
        logger.handlers = before
        file.close()


def _log_lines(data: dict[str, Any], ignore_prefix: object = None) -> None:
    logging.getLogger("ray").warning("%s: %s", data.get("pid"), "\n".join(data["lines"]))
