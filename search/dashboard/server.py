"""Serves Optuna's dashboard for one study, with a check of the host name, a token, and an optional read-only mode."""

from __future__ import annotations

import hmac
import secrets
import socketserver
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from search.dashboard.artifacts import artifact_store
from search.results.places import storage_of
from search.results.run_folder import RunFolder
from search.results.status import read_settings
from search.storage.database import study_storage
from search.storage.url import study_url
from search.wording import write_line
from spaces.errors import UsageError

COOKIE = "tamiz_token"
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_reading = ("GET", "HEAD")
_least_token = 16


@dataclass(frozen=True, kw_only=True)
class Guard:
    """WSGI middleware that admits only the owner's browser, and no requests from other sites' pages.

    A request must name an accepted host (against DNS rebinding) and hold the token: first in the URL
    (`?token=`), then in a cookie that other sites' pages can't send. Artifacts are sent with headers
    that forbid scripts and content sniffing.
    """

    app: WSGIApplication
    token: str
    hosts: frozenset[str] | None = LOCAL_HOSTS
    """Accepted names in the Host header, without the port; None: any."""
    is_read_only: bool = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Refuse a request, or pass it to the dashboard."""
        if self.hosts is not None and _host(environ) not in self.hosts:
            return _refuse(start_response, "unknown host name")
        asked = parse_qs(environ.get("QUERY_STRING", "")).get("token", [""])[0]
        if environ["REQUEST_METHOD"] == "GET" and self._is_token(asked):
            return self._welcome(environ, start_response)
        if not self._is_token(_cookie(environ)):
            return _refuse(start_response, "open the URL that `python -m search dashboard` printed")
        if self.is_read_only and environ["REQUEST_METHOD"] not in _reading:
            return _refuse(start_response, "this dashboard is read-only")
        return self.app(environ, _safer(environ, start_response))

    def _is_token(self, came: str) -> bool:
        return hmac.compare_digest(came.encode(), self.token.encode())

    def _welcome(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Move the token from the URL to a cookie, and redirect to the URL without it."""
        path = "/" + environ.get("PATH_INFO", "").lstrip("/\\")
        if not path.isprintable() or not path.isascii():
            path = "/"
        cookie = f"{COOKIE}={self.token}; Path=/; HttpOnly; SameSite=Strict"
        start_response("303 See Other", [("Location", path), ("Set-Cookie", cookie), ("Content-Length", "0")])
        return [b""]


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the standard library's name
        """Log nothing: the URL may hold the token."""


def open_server(guard: Guard, *, host: str, port: int) -> WSGIServer:
    """Return a server that is listening; `serve_forever` answers requests.

    Raises:
        UsageError: the port is in use, or the host is not an address of this machine.
    """
    try:
        return make_server(host, port, guard, server_class=_Server, handler_class=_Quiet)
    except (OSError, OverflowError) as error:
        raise UsageError(f"cannot listen on {host}, port {port}: {error}; choose another --port or --host") from None


def serve(
    folder: RunFolder, *, host: str, port: int, token: str | None, is_read_only: bool, say: Callable[[str], None]
) -> None:
    """Serve a study's dashboard until the process is interrupted.

    Args:
        folder: the run folder.
        host: address to listen on; one that other machines can reach requires `token`.
        port: 0: a free one.
        token: None: a random one.
        is_read_only: refuse requests that would change the study.
        say: prints the URL to open.

    Raises:
        UsageError: the host can be reached by other machines and there is no token, or the token is too short.
    """
    is_local = f"[{host}]" in LOCAL_HOSTS or host in LOCAL_HOSTS
    if not is_local and token is None:
        raise UsageError(f"--host {host} can be reached from other machines: expected --token SECRET as well")
    if token is not None and not (len(token) >= _least_token and token.isalnum() and token.isascii()):
        raise UsageError(f"invalid --token: expected at least {_least_token} letters and digits")
    record = read_settings(folder)
    with study_storage(study_url(storage_of(folder, record), folder.database)) as storage:
        from optuna_dashboard import wsgi

        guard = Guard(
            app=wsgi(storage, artifact_store=artifact_store(folder)),
            token=token or secrets.token_urlsafe(24),
            hosts=LOCAL_HOSTS if is_local else None,
            is_read_only=is_read_only,
        )
        with open_server(guard, host=host, port=port) as server:
            if not is_local:
                write_line(sys.stderr, f"warning: anyone who reaches {host} and has the token can use this dashboard")
            say(f"http://{host}:{server.server_port}/?token={guard.token}")
            server.serve_forever()


def _host(environ: WSGIEnvironment) -> str:
    host: str = environ.get("HTTP_HOST", "").lower()
    name, separator, port = host.rpartition(":")
    return name if separator and port.isdigit() else host


def _cookie(environ: WSGIEnvironment) -> str:
    try:
        found = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _refuse(start_response: StartResponse, why: str) -> list[bytes]:
    body = f"refused: {why}\n".encode()
    start_response("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


def _safer(environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
    """Return a `start_response` that adds headers against scripts in artifacts and against framing of the page."""
    added = [("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer")]
    if environ.get("PATH_INFO", "").startswith("/artifacts/"):
        added.append(("Content-Security-Policy", "sandbox"))
    dropped = {name.lower() for name, _ in added} | {"access-control-allow-origin"}

    def start(status: str, headers: Sequence[tuple[str, str]], exc_info: Any = None) -> Any:
        kept = [(name, value) for name, value in headers if name.lower() not in dropped]
        return start_response(status, kept + added, exc_info)

    return start
