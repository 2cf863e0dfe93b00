"""A download is complete and checked, or leaves nothing."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter

from objectives.data.sources.download import RemoteFile, fetch
from spaces.errors import DataError

CONTENT = b"pixels" * 1000
REMOTE = RemoteFile(
    url="https://files.example/a.gz", sha256=hashlib.sha256(CONTENT).hexdigest(), most_bytes=len(CONTENT)
)


class Torn(io.BytesIO):
    """A connection that breaks after the first piece."""

    def read(self, amount: int | None = -1, /) -> bytes:
        if self.tell():
            raise ConnectionResetError("reset by peer")
        return super().read(10)


class Server:
    """Answers every https request with the same bytes, or with a redirect."""

    def __init__(self, content: io.BytesIO, redirect: str | None = None) -> None:
        self.content = content
        self.redirect = redirect
        self.requests = 0

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        """Stand in for the adapter's method of this name."""
        self.requests += 1
        response = requests.Response()
        response.request, response.url = request, str(request.url)
        response.status_code = 302 if self.redirect else 200
        response.headers["location"] = self.redirect or ""
        response.raw = self.content
        return response


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Let every https request meet a `Server` of this content."""

    def start(content: io.BytesIO, redirect: str | None = None) -> Server:
        server = Server(content, redirect)
        monkeypatch.setattr(HTTPAdapter, "send", lambda _, request, **options: server.send(request, **options))
        return server

    return start


def test_the_file_is_kept_as_it_came(tmp_path: Path, serve) -> None:  # type: ignore[no-untyped-def]
    serve(io.BytesIO(CONTENT))

    assert fetch(REMOTE, tmp_path / "new").read_bytes() == CONTENT


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path, serve) -> None:  # type: ignore[no-untyped-def]
    server = serve(io.BytesIO(CONTENT))
    for _ in range(2):
        fetch(REMOTE, tmp_path)

    assert server.requests == 1


FAILURES = {
    "other content": (io.BytesIO(b"other"), None, "does not match the known hash"),
    "too long": (io.BytesIO(CONTENT * 2), None, "more than 6000 bytes"),
    "a torn connection": (Torn(CONTENT), None, "reset by peer"),
    "a redirect to http": (io.BytesIO(), "http://files.example/a.gz", "'http://files.example/a.gz'"),
}


@pytest.mark.parametrize(("content", "redirect", "message"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_names_the_reason_and_leaves_nothing(  # type: ignore[no-untyped-def]
    tmp_path: Path, serve, content: io.BytesIO, redirect: str | None, message: str
) -> None:
    content.seek(0)
    serve(content, redirect)

    with pytest.raises(DataError, match=rf"cannot download https://files.example/a.gz: .*{message}"):
        fetch(REMOTE, tmp_path)

    assert list(tmp_path.iterdir()) == []
