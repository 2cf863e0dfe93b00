"""Fetching a published file over https: checked by sha256, bounded, whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import os
import queue
import tempfile
import threading
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Protocol

from spaces.errors import DataError

CONNECT_SECONDS = 2.5
"""How long an address has to answer: without a network, a search should end at once."""
STALL_SECONDS = 30.0
"""How long a download may stand still."""
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file as published: where it is and how it is known to be whole."""

    url: str
    sha256: str
    most_bytes: int
    """A longer answer is refused."""
    hashed_unpacked: bool = False
    """Whether `sha256` is of what gzip unpacks, as copies of one content differ in compression."""

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[-1]


class Answer(Protocol):
    """What a server sends."""

    def read(self, amount: int, /) -> bytes:
        """Return at most `amount` bytes; none at the end."""

    def close(self) -> None:
        """End the connection."""


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows no redirect away from https."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            raise HTTPException(f"redirected to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_https(url: str) -> Answer:
    """Return the answer of an https address.

    Raises:
        OSError: nothing answers (`TimeoutError` after `CONNECT_SECONDS`).
        HTTPException: the answer is no good.
    """
    if not url.startswith("https://"):
        raise HTTPException(f"{url} is not https")
    outcomes: queue.Queue[Answer | Exception] = queue.Queue()

    def connect() -> None:
        try:
            answer: Answer = urllib.request.build_opener(_HttpsOnly).open(url, timeout=STALL_SECONDS)
            outcomes.put(answer)
        except (OSError, HTTPException) as error:
            outcomes.put(error)

    # A thread, because no timeout of Python's bounds the look-up of a host name.
    threading.Thread(target=connect, daemon=True).start()
    try:
        outcome = outcomes.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        raise TimeoutError(f"no answer in {CONNECT_SECONDS:g} seconds") from None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def fetch(file: RemoteFile, folder: Path, *, connect: Callable[[str], Answer] = open_https) -> Path:
    """Fetch `file` into `folder` unless it is there; return its path.

    Raises:
        DataError: no answer, another content than expected, or no room.
    """
    target = folder / file.name
    if target.is_file():
        return target
    partial: Path | None = None
    try:
        answer = connect(file.url)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".partial-", delete=False) as written:
            partial = Path(written.name)
            _copy(answer, written, file.most_bytes)
            written.flush()
            os.fsync(written.fileno())
        came = _sha256(partial, unpack=file.hashed_unpacked)
        if came != file.sha256:
            raise DataError(f"{file.url} has sha256 {came}; expected {file.sha256}. Nothing was kept.")
        partial.replace(target)
    except (OSError, EOFError, zlib.error, HTTPException) as error:
        raise DataError(f"{file.url} can't be fetched: {error}") from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
    return target


def _copy(answer: Answer, target: IO[bytes], most_bytes: int) -> None:
    copied_bytes = 0
    try:
        while chunk := answer.read(CHUNK_BYTES):
            copied_bytes += len(chunk)
            if copied_bytes > most_bytes:
                raise HTTPException(f"the answer is longer than {most_bytes} bytes")
            target.write(chunk)
    finally:
        answer.close()


def _sha256(path: Path, *, unpack: bool) -> str:
    digest = hashlib.sha256()
    with gzip.open(path) if unpack else path.open("rb") as content:
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
