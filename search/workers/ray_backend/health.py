"""The pulse of a Ray cluster: whether it still lives, told apart from a machine that is merely slow.

Ray itself waits a minute for a head that is gone, and then ends the process; for a head that is stopped it waits
without end; and with the driver's own node dead, most of what it is asked for ends the process at once. A pulse is
felt by opening a connection to the head, where any gRPC server sends a first frame. Misses are counted, not timed: a
driver that was suspended, or starved, has missed none.
"""

from __future__ import annotations

import socket
import struct

import psutil

_credentials = struct.Struct("3i")
"""Process, user and group behind a socket: see unix(7)."""
_between_seconds = 2.0
_answer_seconds = 5.0
_node_answer_seconds = 3.0
_refusals_most = 8
"""So many refused connections in a row: nobody listens any more, for about 16 seconds."""
_silences_most = 6
"""So many unanswered ones in a row, for about 40 seconds: a starved head answers late."""
_settings_frame = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _settings_frame  # RFC 9113, section 3.4
_kind_of_frame = 3  # the byte at which it stands


class Pulse:
    """Of a head and of the driver's own node; to be felt every `between_seconds`, by one thread."""

    between_seconds = _between_seconds

    def __init__(self, *, address: str, node_socket: str) -> None:
        """Begin with a cluster that lives.

        Args:
            address: HOST:PORT of the head.
            node_socket: path of the socket on which the driver's own node listens.
        """
        self.address = address
        self._node = _process_listening_on(node_socket)
        self._refusals = 0
        self._silences = 0

    @property
    def is_gone(self) -> bool:
        """Whether the cluster has been given up: its head after several tries, the driver's own node at once."""
        if self._refusals >= _refusals_most or self._silences >= _silences_most:
            return True
        return not self._node_lives

    @property
    def is_felt(self) -> bool:
        """Whether it answers right now; takes some seconds where nobody does, and counts for nothing."""
        try:
            greet(self.address)
        except OSError:
            return False
        return self._node_lives

    @property
    def _node_lives(self) -> bool:
        return self._node is None or _lives(self._node)

    def feel(self) -> None:
        """Ask once; takes some seconds where nobody answers."""
        if self.is_gone:
            return
        try:
            greet(self.address)
        except ConnectionRefusedError:
            self._refusals += 1
        except OSError:
            self._silences += 1
        else:
            self._refusals = self._silences = 0


def greet(address: str, *, timeout_seconds: float = _answer_seconds) -> None:
    """Exchange a greeting with a gRPC server.

    Raises:
        OSError: it can't be reached, does not answer in time, or is no such server.
        ValueError: that is no address.
    """
    host, colon, port = address.rpartition(":")
    if not colon or "/" in address or not port.isdigit():
        raise ValueError("that is no address of a head node")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=timeout_seconds) as connection:
        connection.sendall(_greeting)
        answer = connection.recv(len(_settings_frame))
    if answer[_kind_of_frame : _kind_of_frame + 1] != _settings_frame[_kind_of_frame : _kind_of_frame + 1]:
        raise ConnectionError("what listens there is no Ray")


def is_node_lost(address: str, port: int) -> bool:
    """Whether nothing answers any more where a node of the cluster was; takes some seconds if so."""
    try:
        greet(f"{address}:{port}", timeout_seconds=_node_answer_seconds)
    except OSError:
        return True
    return False


def _process_listening_on(path: str) -> psutil.Process | None:
    """Return the process behind a socket of this machine; None where the system does not tell."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _credentials.size)
    try:
        return psutil.Process(_credentials.unpack(told)[0])
    except (psutil.Error, ValueError):
        return None


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
