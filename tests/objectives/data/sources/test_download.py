"""A download is whole and checked, or leaves nothing."""

from __future__ import annotations

import gzip
import hashlib
import io
import time
from http.client import HTTPException
from pathlib import Path

import pytest

from objectives.data.sources import download
from objectives.data.sources.download import Answer, RemoteFile, fetch, open_https
from spaces.errors import DataError

CONTENT = b"pixels" * 1000


def remote(content: bytes = CONTENT, **changes: object) -> RemoteFile:
    values = {"url": "https://files.example/a.gz", "sha256": hashlib.sha256(content).hexdigest(), "most_bytes": 10_000}
    return RemoteFile(**(values | changes))  # type: ignore[arg-type]


class Server:
    """Answers every address with the same bytes and counts the calls."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.calls = 0

    def __call__(self, url: str) -> Answer:
        self.calls += 1
        return io.BytesIO(self.content)


class Torn(io.BytesIO):
    """A connection that breaks after the first piece."""

    def read(self, amount: int | None = -1, /) -> bytes:
        if self.tell():
            raise ConnectionResetError("reset by peer")
        return super().read(10)


def test_the_file_is_kept_as_it_came(tmp_path: Path) -> None:
    assert fetch(remote(), tmp_path / "new", connect=Server(CONTENT)).read_bytes() == CONTENT


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    server = Server(CONTENT)
    for _ in range(2):
        fetch(remote(), tmp_path, connect=server)

    assert server.calls == 1


def test_the_digest_may_be_of_what_gzip_unpacks(tmp_path: Path) -> None:
    server = Server(gzip.compress(CONTENT))

    assert fetch(remote(hashed_unpacked=True), tmp_path, connect=server).is_file()


FAILURES = {
    "another content": (Server(b"other"), "sha256 d9298a10"),
    "too long": (Server(CONTENT * 2), "longer than 10000 bytes"),
    "a torn connection": (lambda url: Torn(CONTENT), "reset by peer"),
}


@pytest.mark.parametrize(("connect", "message"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_says_why(tmp_path: Path, connect, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=message):
        fetch(remote(), tmp_path, connect=connect)


@pytest.mark.parametrize(("connect", "message"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_leaves_nothing(tmp_path: Path, connect, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError):
        fetch(remote(), tmp_path, connect=connect)

    assert list(tmp_path.iterdir()) == []


def test_only_https_is_asked() -> None:
    with pytest.raises(HTTPException, match="is not https"):
        open_https("http://127.0.0.1:9/a")


def test_no_answer_ends_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def open(self, url: str, timeout: float) -> None:
            time.sleep(1.0)  # as the look-up of a host name without a network

    monkeypatch.setattr(download.urllib.request, "build_opener", lambda *_: Silent())
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.05)

    with pytest.raises(TimeoutError, match=r"no answer in 0\.05 seconds"):
        open_https("https://files.example/a")
