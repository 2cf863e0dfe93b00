"""A Ray session: started or joined in the background, and ended without leaving anything behind.

Ray takes some four seconds to start and each worker three to import Keras, so both begin at once, while the driver
loads data and opens the study. Ray is imported in the session's own thread, which lives as long as the session: the
processes that it starts end with it.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from search.system.outage import Outage
from search.system.output_capture import only_own_lines
from search.workers.placement import DEFAULT_USE, GpuUse, Share, machines_of, share_out
from search.workers.ray_backend.connecting import connect
from search.workers.ray_backend.health import HealthCheck, check_address, unreachable
from search.workers.ray_backend.local_cluster import check_token_mode, head_has_ended
from search.workers.ray_backend.process import WorkerProcess, gpu_bytes, source_of, start_process
from spaces.errors import StorageError, UsageError, first_line

_join_seconds = 50.0
"""Ray itself ends the process after a minute; on a busy machine joining takes half of that."""
_reminder_seconds = 20.0
_end_seconds = 30.0
_one_at_a_time = threading.Lock()


class RaySession:
    """Ray, running or starting. Make one with `begin`; a second one in a process starts when the first has ended."""

    def __init__(
        self,
        *,
        address: str | None,
        workers: int | None,
        modules: Sequence[str],
        log_file: Path,
        note: Callable[[str], None] = lambda line: None,
        gpu_use: GpuUse = DEFAULT_USE,
    ) -> None:
        self._address = address
        self._wanted = workers
        self._gpu_use = gpu_use
        self._modules = tuple(source_of(name) for name in modules)
        self._log_file = log_file
        self._error: Exception | None = None
        self._is_up = threading.Event()
        self._may_end = threading.Event()
        self._start = Outage(
            note=note,
            remind_seconds=_reminder_seconds,
            limit_seconds=_join_seconds,
            first_after_seconds=_reminder_seconds,
        )
        self._start.begin()
        self._health: HealthCheck | None = None
        self.notice: str | None = None
        """A line about the cluster for the terminal, once it is up."""
        self._share: Share | None = None
        self._scratch: Path | None = None
        self._processes: list[WorkerProcess] = []
        self._started = 0
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
        note: Callable[[str], None] = lambda line: None,
        gpu_use: GpuUse = DEFAULT_USE,
    ) -> RaySession:
        """Start or join Ray and start the workers, all in the background; returns at once.

        Until `close`, nothing but this program's own lines reaches the terminal.

        Args:
            log_file: file to which the lines of Ray, TensorFlow and the workers are appended.
            workers: how many; None: one per GPU, or else one per processor, as memory allows.
            address: HOST:PORT of a running cluster, or "auto" for the one on this machine; None: start one.
            modules: names of imported modules that workers need too: a user's space.
            is_insecure: start a cluster even if the environment disables its token authentication.
            note: called with a line now and then, where Ray takes long to start.
            gpu_use: whether and how GPUs are used.

        Raises:
            UsageError: nothing listens at that address, or the environment disables token authentication.
        """
        if address is None and not is_insecure:
            check_token_mode(os.environ)
        elif address is not None:
            check_address(address, os.environ)
        session = cls(address=address, workers=workers, modules=modules, log_file=log_file, note=note, gpu_use=gpu_use)
        session._undo.enter_context(only_own_lines(log_file))
        session._thread.start()
        atexit.register(session.close)  # for a program that forgets to
        return session

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until Ray is up; False: it was not in time.

        Raises:
            UsageError: Ray cannot be started, or the cluster cannot be reached.
        """
        if not self._is_up.wait(timeout_seconds):
            if self._address is not None and self._start.is_too_long:
                raise unreachable(self._address, f"no answer within {_join_seconds:.0f} seconds")
            if self._address is None and head_has_ended():
                raise unreachable(None, "its head, gcs_server, ended while it started")
            return False
        if self._error is not None:
            raise self._error
        if threading.current_thread() is threading.main_thread():
            # Ray's C++ part put its own handler in front of Python's, which prints and aborts.
            signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM) or signal.SIG_DFL)
        return True

    @property
    def share(self) -> Share:
        """How many workers there are and what each gets; waits for Ray."""
        while not self.wait(min(1.0, _reminder_seconds)):
            self._start.remind(f"waiting for Ray, which started {self._start.seconds:.0f} s ago")
        assert self._share is not None
        return self._share

    @property
    def processes(self) -> list[WorkerProcess]:
        """The processes of the first workers; waits for Ray."""
        _ = self.share
        return self._processes

    def start_process(self, *, whole_gpu: bool = False) -> WorkerProcess:
        """Start the process of another worker; returns at once."""
        assert self._share is not None
        share = self._share.with_whole_gpu if whole_gpu else self._share
        self._started += 1
        crash_log = None if self._scratch is None else self._scratch / f"crash-{self._started}.txt"
        return start_process(
            share,
            modules=self._modules,
            scratch=self._scratch,
            crash_log=crash_log,
            is_replacement=self._started > self._share.workers,
        )

    def has_room(self) -> bool:
        """Whether one more worker could start now."""
        import ray

        if self._health is None or not self._health.is_alive:
            return False
        free, share = ray.available_resources(), self.share
        return bool(free.get("CPU", 0) >= share.cpus and free.get("GPU", 0) >= share.gpus)

    def await_head(self) -> None:
        """Wait until Ray's head answers, before a call that needs it.

        Where the head is gone, Ray lets such a call wait for a minute, and then ends this process without a message.

        Raises:
            StorageError: it is gone; the run can be resumed.
        """
        while self._health is not None and not self._health.is_alive:
            self.check()
            time.sleep(0.5)

    def check(self) -> None:
        """Raise an error if Ray itself is gone; returns at once.

        Raises:
            StorageError: it does not answer; the run can be resumed.
        """
        if self._health is not None and self._health.is_gone:
            raise StorageError(f"the Ray cluster at {self._health.address} is gone; finished trials are kept")

    def close(self, *, may_wait: bool = True) -> None:
        """End the workers, and Ray if it was started here. May be called twice.

        Does not wait for a Ray that is still starting, nor unless it `may_wait`: it then ends with this process.
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
                    is_ours = isinstance(error, UsageError)
                    self._error = error if is_ours else unreachable(self._address, first_line(error, most=300))
                self._is_up.set()
                while not self._may_end.wait(HealthCheck.between_seconds):
                    if self._health is not None:
                        self._health.probe()
        except Exception:  # it ends anyway; the search's own outcome matters more
            logging.getLogger("ray").exception("Ray did not end in order")

    def _come_up(self, ending: contextlib.ExitStack) -> None:
        import ray

        connection = connect(self._address, log_file=self._log_file, ending=ending)
        self._scratch, self.notice, self._health = connection.scratch, connection.notice, connection.health
        shares_gpus = self._wanted is not None or self._gpu_use.trials_per_gpu is not None
        machines = machines_of(ray.nodes(), gpu_bytes(ray.nodes()) if shares_gpus else {})
        self._share = share_out(machines, self._wanted, self._gpu_use)
        self._processes = [self.start_process() for _ in range(self._share.workers)]
