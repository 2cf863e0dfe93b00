"""Health of a Ray cluster: whether its head answers, and whether it has workers.

Ray itself waits a minute for a head that is gone, and then ends the process; for a head that is stopped it waits
without end; and with the driver's own node dead, most calls end the process at once. So the head is probed: a
connection is opened, on which any gRPC server sends a first frame. Failed probes are counted, not timed, so that a
driver that was suspended or starved does not count them.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Mapping

import psutil

from reports.wording import duration
from search.system.clock import AwakeClock
from search.system.outage import Outage
from spaces.errors import StorageError, UsageError, first_line

_credentials = struct.Struct("3i")
"""Process, user and group of a socket's peer, see unix(7)."""
_between_seconds = 2.0
_answer_seconds = 5.0
_node_answer_seconds = 3.0
_first_answer_seconds = 15.0
_most_refusals = 8
"""Refused connections in a row, during about 16 seconds: the head has ended."""
_most_timeouts = 6
"""Unanswered connections in a row, during about 40 seconds: a starved head answers late."""
_starting_seconds = 60.0
"""How long workers may take to start, which is not an outage."""
_reminder_seconds = 60.0
_settings_frame = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _settings_frame  # RFC 9113, section 3.4
_kind_of_frame = 3  # index of the byte that gives it


class HealthCheck:
    """Probes a head, and watches the driver's own node; one thread calls `probe` every `between_seconds`."""

    between_seconds = _between_seconds

    def __init__(self, *, address: str, node_socket: str) -> None:
        """Begin with a cluster that is alive.

        Args:
            address: HOST:PORT of the head.
            node_socket: path of the socket on which the driver's own node listens.
        """
        self.address = address
        self._node = _process_listening_on(node_socket)
        self._refusals = 0
        self._timeouts = 0

    @property
    def is_gone(self) -> bool:
        """Whether the cluster is lost: its head after several probes, the driver's own node at once."""
        is_head_gone = self._refusals >= _most_refusals or self._timeouts >= _most_timeouts
        return is_head_gone or not self._is_node_alive

    @property
    def is_alive(self) -> bool:
        """Whether it answers right now; takes some seconds if not, and is not counted as a probe."""
        try:
            ping(self.address)
        except OSError:
            return False
        return self._is_node_alive

    @property
    def _is_node_alive(self) -> bool:
        return self._node is None or _is_running(self._node)

    def probe(self) -> None:
        """Ping the head once, and count failures; takes some seconds if it does not answer."""
        if self.is_gone:
            return
        try:
            ping(self.address)
        except ConnectionRefusedError:
            self._refusals += 1
        except OSError:
            self._timeouts += 1
        else:
            self._refusals = self._timeouts = 0


def ping(address: str, *, timeout_seconds: float = _answer_seconds) -> None:
    """Exchange first frames with a gRPC server.

    Raises:
        OSError: it cannot be reached, does not answer in time, or is not such a server.
        ValueError: the address is not HOST:PORT.
    """
    host, colon, port = address.rpartition(":")
    if not colon or "/" in address or not port.isdigit():
        raise ValueError("not the address of a head node")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=timeout_seconds) as connection:
        connection.sendall(_preface)
        answer = connection.recv(len(_settings_frame))
    if answer[_kind_of_frame : _kind_of_frame + 1] != _settings_frame[_kind_of_frame : _kind_of_frame + 1]:
        raise ConnectionError("it is not Ray that listens there")


def is_node_lost(address: str, port: int) -> bool:
    """Whether a node of the cluster does not answer any more; takes some seconds if so."""
    try:
        ping(f"{address}:{port}", timeout_seconds=_node_answer_seconds)
    except OSError:
        return True
    return False


def _process_listening_on(path: str) -> psutil.Process | None:
    """Return the process that listens on a socket of this machine; None where the system does not know."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _credentials.size)
    try:
        return psutil.Process(_credentials.unpack(credentials)[0])
    except (psutil.Error, ValueError):
        return None


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def check_address(address: str, environment: Mapping[str, str]) -> None:
    """Ping a cluster before Ray tries for a minute, and then ends the process; raises UsageError."""
    named = environment.get("RAY_ADDRESS", "auto") if address == "auto" else address
    if named == "auto":
        return
    try:
        ping(named, timeout_seconds=_first_answer_seconds)
    except (OSError, ValueError) as error:
        if named == address:
            raise unreachable(address, first_line(error, most=300)) from None
        raise UsageError(
            f"cannot reach the Ray cluster at {named}, which RAY_ADDRESS names: {first_line(error, most=300)}\n"
            "Unset RAY_ADDRESS, or leave out --ray-address to start a cluster for this search"
        ) from None


def unreachable(address: str | None, why: str) -> UsageError:
    """Return the error of a cluster that cannot be reached; None as its address: that cannot be started here."""
    if address is None:
        return UsageError(f"Ray does not start here: {why}\nSearch without Ray: --executor inline")
    return UsageError(
        f"cannot reach the Ray cluster at {address}: {why}\n"
        "Expected HOST:PORT of its head node (Ray's own port, 6379 by default), or auto on one of its machines"
    )


class WorkerAbsence:
    """Watches a cluster that has no worker: its machines may be away, or busy with other work."""

    def __init__(
        self,
        *,
        note: Callable[[str], None],
        wait_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with workers that are starting.

        Args:
            note: called with a line about once a minute while there is no worker.
            wait_seconds: how long there may be none, beyond the minute that starting may take.
            clock: seconds from any origin, never running backwards.
        """
        self._outage = Outage(
            note=note,
            remind_seconds=_reminder_seconds,
            limit_seconds=_starting_seconds + wait_seconds,
            first_after_seconds=_reminder_seconds,
            clock=AwakeClock(clock),
        )
        self._outage.begin()

    def check(self, *, workers: int) -> None:
        """Record how many workers there are; call it every second or so.

        Raises:
            StorageError: there has been none for too long; the run can be resumed.
        """
        if workers:
            self._outage.end()
            return
        self._outage.begin()
        absent = duration(self._outage.seconds)
        if self._outage.is_too_long:
            raise StorageError(
                f"the cluster has had no worker for {absent} (--cluster-wait limits this); finished trials are kept"
            )
        self._outage.remind(f"no workers available for {absent}")
