"""Optuna's dashboard for one study, behind a guard: own host names, a token, perhaps reading only."""

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
    """WSGI middleware: lets the owner's browser in, and nobody else's pages.

    A request must name one of our hosts (against DNS rebinding) and carry the token: once in the
    address (`?token=`), from then on in a cookie that other sites' pages can't send. Artifacts come
    without the right to run script, or to be taken for another type than they are.
    """

    app: WSGIApplication
    token: str
    hosts: frozenset[str] | None = LOCAL_HOSTS
    """Accepted names in the Host header, without the port; None: any."""
    is_read_only: bool = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, or pass it on."""
        if self.hosts is not None and _host(environ) not in self.hosts:
            return _refuse(start_response, "this host name is not served here")
        asked = parse_qs(environ.get("QUERY_STRING", "")).get("token", [""])[0]
        if environ["REQUEST_METHOD"] == "GET" and self._is_token(asked):
            return self._welcome(environ, start_response)
        if not self._is_token(_cookie(environ)):
            return _refuse(start_response, "open the address that `python -m search dashboard` printed")
        if self.is_read_only and environ["REQUEST_METHOD"] not in _reading:
            return _refuse(start_response, "this dashboard is for reading only")
        return self.app(environ, _safer(environ, start_response))

    def _is_token(self, came: str) -> bool:
        return hmac.compare_digest(came.encode(), self.token.encode())

    def _welcome(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Turn the token in the address into a cookie, and show the address without it."""
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
        """Say nothing: an address may hold the token."""


def open_server(guard: Guard, *, host: str, port: int) -> WSGIServer:
    """Return a server that listens already; `serve_forever` answers.

    Raises:
        UsageError: the port is taken, or the host is none of this machine's.
    """
    try:
        return make_server(host, port, guard, server_class=_Server, handler_class=_Quiet)
    except (OSError, OverflowError) as error:
        raise UsageError(f"can't listen on {host}, port {port}: {error}; choose another --port or --host") from None


def serve(
    folder: RunFolder, *, host: str, port: int, token: str | None, is_read_only: bool, say: Callable[[str], None]
) -> None:
    """Serve a study's dashboard until the process is interrupted.

    Args:
        folder: the study's.
        host: address to listen on; other than this machine's own, only with a token of one's own.
        port: 0: a free one.
        token: None: a fresh one.
        is_read_only: refuse whatever would change the study.
        say: told the address to open.

    Raises:
        UsageError: a host that others can reach came without a token, or with a short one.
    """
    is_local = f"[{host}]" in LOCAL_HOSTS or host in LOCAL_HOSTS
    if not is_local and token is None:
        raise UsageError(f"--host {host} can be reached by others; accepted with --token SECRET of your own")
    if token is not None and not (len(token) >= _least_token and token.isalnum() and token.isascii()):
        raise UsageError(f"--token is not accepted; accepted: {_least_token} or more letters and digits")
    record = read_settings(folder)
    with study_storage(study_url(record.settings.get("storage"), folder.database)) as storage:
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
    """Return a `start_response` that adds what keeps artifacts from acting, and the page from being framed."""
    added = [("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer")]
    if environ.get("PATH_INFO", "").startswith("/artifacts/"):
        added.append(("Content-Security-Policy", "sandbox"))
    dropped = {name.lower() for name, _ in added} | {"access-control-allow-origin"}

    def start(status: str, headers: Sequence[tuple[str, str]], exc_info: Any = None) -> Any:
        kept = [(name, value) for name, value in headers if name.lower() not in dropped]
        return start_response(status, kept + added, exc_info)

    return start
