"""A Ray session: started here or joined, in the background, and ended without a trace.

Ray takes some four seconds to start and each worker three to import Keras, so both begin at once
while the driver loads data and opens the study. Ray is imported in the session's own thread, which
lives as long as the session: the processes that it starts die with it.
"""

from __future__ import annotations

import atexit
import contextlib
import inspect
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from search.system.output_capture import only_own_lines
from search.workers.ray_backend.actor import SourceModule, WorkerActor
from search.workers.ray_backend.crash_log import oom_kills
from search.workers.ray_backend.health import Pulse
from search.workers.ray_backend.local_cluster import (
    append_worker_logs,
    head_has_ended,
    object_store_bytes,
    private_folder,
    set_variables,
    shared_memory_free,
    shared_memory_in_words,
)
from search.workers.ray_backend.placement import Machine, Share, share_out
from search.workers.ray_backend.ray_address import first_line, probe, unreachable
from search.workers.ray_backend.ray_output import lines_to
from search.workers.ray_backend.ray_token import ensure_private_token, refuse_open_doors
from spaces.errors import StorageError

_join_seconds = 50.0
"""Ray itself gives up after a minute, and ends the process; on a busy machine it takes half of that to join."""
_between_notes_seconds = 20.0
_end_seconds = 30.0
_look_seconds = 0.5
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, kw_only=True, eq=False)
class Hired:
    """A worker that is importing Keras."""

    actor: Any
    """Handle of a `WorkerActor`."""
    warm: Any
    """ObjectRef that is ready once Keras is imported."""
    last_words: Path | None = None
    """File where a worker on this machine leaves them (see `search.workers.ray_backend.crash_log`)."""
    oom_kills_before: int = 0
    """Processes that the system had killed for want of memory when it was hired."""


class RaySession:
    """Ray, running or about to. Make one with `begin`; a second one in a process starts when the first has ended."""

    def __init__(
        self,
        *,
        address: str | None,
        workers: int | None,
        modules: Sequence[str],
        log_file: Path,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self._address = address
        self._note = note
        self._wanted = workers
        self._modules = tuple(_source(name) for name in modules)
        self._log_file = log_file
        self._error: Exception | None = None
        self._is_up = threading.Event()
        self._may_end = threading.Event()
        self._began = time.monotonic()
        self._pulse: Pulse | None = None
        self.notice: str | None = None
        """What a person should know of the cluster once it is up."""
        self._crew: list[Hired] = []
        self._share: Share | None = None
        self._scratch: str | None = None
        self._hired = 0
        self._undo = contextlib.ExitStack()
        self._thread = threading.Thread(target=self._live, name="ray-session", daemon=True)

    @classmethod
    def begin(
        cls,
        *,
        log_file: Path,
        workers: int | None = None,
        address: str | None = None,
        modules: Sequence[str] = (),
        is_insecure: bool = False,
        note: Callable[[str], None] | None = None,
    ) -> RaySession:
        """Start or join Ray and hire workers, all in the background; returns at once.

        Until `close`, nothing but this program's own lines reaches the terminal.

        Args:
            log_file: where the lines of Ray, TensorFlow and the workers go; written to at its end.
            workers: how many; None: one a GPU, or else one a processor, as memory allows.
            address: HOST:PORT of a running cluster, or "auto" for the one on this machine; None: an own one.
            modules: names of imported modules that workers must have too: a person's space.
            is_insecure: start an own cluster even if the environment leaves it unguarded.
            note: told now and then, where Ray takes long.

        Raises:
            UsageError: nothing listens at that address, or the environment would leave an own cluster unguarded.
        """
        if address is None and not is_insecure:
            refuse_open_doors(os.environ)
        elif address is not None:
            probe(address, os.environ)
        session = cls(address=address, workers=workers, modules=modules, log_file=log_file, note=note)
        session._undo.callback(os.umask, os.umask(0o077))  # for what Ray and its workers write
        session._undo.enter_context(only_own_lines(log_file))
        session._thread.start()
        atexit.register(session.close)
        return session

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until Ray is up; False when it was not in time.

        Raises:
            UsageError: Ray can't be started, or the cluster can't be reached.
        """
        if not self._is_up.wait(timeout_seconds):
            if self._address is not None and time.monotonic() - self._began > _join_seconds:
                raise unreachable(self._address, f"no answer within {_join_seconds:.0f} seconds")
            if self._address is None and head_has_ended():
                raise unreachable(None, "its head, gcs_server, ended while it started")
            return False
        if self._error is not None:
            raise self._error
        if threading.current_thread() is threading.main_thread():
            # Ray's C++ part put a handler of its own in front of Python's: it prints and aborts.
            signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM) or signal.SIG_DFL)
        return True

    @property
    def share(self) -> Share:
        """How many workers there are and what each has; waits for Ray."""
        next_note = self._began + _between_notes_seconds
        while not self.wait(min(1.0, _between_notes_seconds)):
            now = time.monotonic()
            if now >= next_note and self._note is not None:
                self._note(f"waiting for Ray, which began {now - self._began:.0f} s ago")
                next_note = now + _between_notes_seconds
        assert self._share is not None
        return self._share

    def crew(self) -> list[Hired]:
        """Return the first workers; waits for Ray."""
        _ = self.share
        return self._crew

    def hire(self) -> Hired:
        """Begin a new worker and let it import Keras; returns at once."""
        import ray

        share = self._share
        assert share is not None
        actor = (
            ray.remote(WorkerActor)
            .options(num_cpus=share.cpus, num_gpus=share.gpus, max_restarts=0, max_task_retries=0)
            .remote()
        )
        self._hired += 1
        words = None if self._scratch is None else Path(self._scratch, f"last-words-{self._hired}.txt")
        warm = actor.warm_up.remote(
            threads=share.threads,
            gpu=share.gpus > 0,
            modules=self._modules,
            scratch=self._scratch,
            last_words=None if words is None else str(words),
        )
        return Hired(actor=actor, warm=warm, last_words=words, oom_kills_before=oom_kills())

    def has_room(self) -> bool:
        """Whether one worker more could start now, beside those there are."""
        import ray

        if self._pulse is None or not self._pulse.is_felt:
            return False
        free, share = ray.available_resources(), self.share
        return bool(free.get("CPU", 0) >= share.cpus and free.get("GPU", 0) >= share.gpus)

    def await_head(self) -> None:
        """Wait for Ray to answer before it is asked for something that it must not be asked for when it is gone.

        Ray lets a call that needs its head wait for a minute, and then ends this process without a line.

        Raises:
            StorageError: it is gone; the run can be resumed.
        """
        while self._pulse is not None and not self._pulse.is_felt:
            self.check()
            time.sleep(_look_seconds)

    def check(self) -> None:
        """Notice that Ray itself is gone; returns at once.

        Raises:
            StorageError: it has not answered for some time; the run can be resumed.
        """
        if self._pulse is not None and self._pulse.is_gone:
            raise StorageError(f"the Ray cluster at {self._pulse.address} is gone; what is finished is kept")

    def close(self, *, may_wait: bool = True) -> None:
        """End the workers, and Ray if it was started here. May be called twice.

        Does not wait for a Ray that is still starting, nor for any unless it `may_wait`: it ends as soon as it can,
        or with this process.
        """
        self._may_end.set()
        self._thread.join(timeout=_end_seconds if may_wait and self._is_up.is_set() else 0.0)
        self._undo.close()
        atexit.unregister(self.close)

    def _live(self) -> None:
        try:
            with _one_at_a_time, contextlib.ExitStack() as ending:
                try:
                    self._come_up(ending)
                except Exception as error:
                    logging.getLogger("ray").exception("Ray did not start")
                    self._error = unreachable(self._address, first_line(error))
                self._is_up.set()
                while not self._may_end.wait(Pulse.between_seconds):
                    if self._pulse is not None:
                        self._pulse.feel()
        except Exception:  # it ends anyway; a fault at the end must not hide the search's own outcome
            logging.getLogger("ray").exception("Ray did not end in order")

    def _come_up(self, ending: contextlib.ExitStack) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        ending.enter_context(lines_to(self._log_file))
        if self._address is None:
            set_variables()
            shared_bytes = shared_memory_free()
            folder = ending.enter_context(private_folder())
            self._scratch = str(folder)
            ending.callback(append_worker_logs, folder, self._log_file)
            ensure_private_token(os.environ)
            ray.init(
                address="local",
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.WARNING,
                _temp_dir=str(folder / "r"),
            )
            self.notice = shared_memory_in_words(shared_bytes, wanted_bytes=object_store_bytes(ray.nodes()))
        else:
            ray.init(
                address=self._address,
                log_to_driver=False,
                logging_level=logging.WARNING,
                runtime_env={"py_modules": [_package_folder(name) for name in ("spaces", "objectives", "search")]},
            )
        ending.callback(ray.shutdown)
        self._pulse = Pulse(
            address=ray.get_runtime_context().gcs_address,
            node_socket=ray._private.worker.global_worker.node.raylet_socket_name,
        )
        self._share = share_out(_machines(ray.nodes()), self._wanted)
        self._crew = [self.hire() for _ in range(self._share.workers)]


def _source(name: str) -> SourceModule:
    module = sys.modules[name]
    return SourceModule(name=name, file=str(Path(inspect.getfile(module)).resolve()), source=inspect.getsource(module))


def _machines(nodes: Sequence[Any]) -> list[Machine]:
    resources = [node["Resources"] for node in nodes if node["Alive"]]
    return [
        Machine(cpus=int(has.get("CPU", 0)), gpus=int(has.get("GPU", 0)), memory=int(has.get("memory", 0)))
        for has in resources
    ]


def _package_folder(name: str) -> str:
    """Return the folder of one of our packages, without importing it."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return str(Path(spec.submodule_search_locations[0]))
