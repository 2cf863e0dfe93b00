"""References to a study's database that may be stored and shown, since they never hold a password.

    sqlite:///study.db                   a URL without a password stands for itself
    postgresql://user@host/database      the password comes from the driver's own sources, such as ~/.pgpass
    env:NAME                             the URL is in an environment variable
    file:PATH                            the URL is the first line of a file

A URL with a password is moved to the environment variable `TAMIZ_STORAGE` of this process, and
`env:TAMIZ_STORAGE` stands for it.
"""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path

from spaces.errors import UsageError

VARIABLE = "TAMIZ_STORAGE"
_secrets: dict[str, str] = {}
"""Password of each URL with one that this process has read."""
_accepted = (
    "sqlite:///path/to/study.db, postgresql://user@host/database, mysql+pymysql://user@host/database, "
    "env:NAME or file:PATH"
)


def reference_for(came: str, environment: MutableMapping[str, str] = os.environ) -> str:
    """Return a reference without a password that resolves to the same URL as what was given.

    Raises:
        UsageError: `came` is not a URL and not a reference.
    """
    if came.startswith(("env:", "file:")):
        resolve_storage(came, environment)
        return came
    if not _holds_secret(came):
        return came
    environment[VARIABLE] = came
    return f"env:{VARIABLE}"


def resolve_storage(reference: str, environment: MutableMapping[str, str] = os.environ) -> str:
    """Return the URL that a reference stands for, including the password: only for opening the database.

    Raises:
        UsageError: the variable is not set, the file can't be read, or they don't hold a URL.
    """
    kind, _, place = reference.partition(":")
    if kind == "env":
        url = environment.get(place, "").strip()
        if not url:
            raise UsageError(f"the storage URL is in the environment variable {place}, which is not set; set it")
    elif kind == "file":
        url = _first_line(Path(place).expanduser())
    else:
        url = reference
    _holds_secret(url)
    return url


def study_url(reference: object, file: Path) -> str:
    """Return the URL of a run's database.

    Args:
        reference: the run's setting `storage`; None: the database is a file in the run folder.
        file: that file.

    Raises:
        UsageError: as `resolve_storage`.
    """
    return resolve_storage(reference) if isinstance(reference, str) else f"sqlite:///{file}"


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite database; None for a server's, and for one in memory."""
    import sqlalchemy

    parsed = sqlalchemy.make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


@contextmanager
def hidden_from_processes(reference: str | None, environment: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """Remove the variable that a reference names from the environment of processes started meanwhile."""
    kind, _, place = (reference or "").partition(":")
    url = environment.pop(place, None) if kind == "env" else None
    try:
        yield
    finally:
        if url is not None:
            environment[place] = url


def without_secrets(text: str) -> str:
    """Return `text` with stars for each password, and each URL with a password, that this process has read."""
    for url, password in _secrets.items():
        for secret in (url, password, urllib.parse.quote(password, safe="")):
            text = text.replace(secret, "***") if secret else text
    return text


def _first_line(file: Path) -> str:
    try:
        return file.read_text().strip().partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the storage URL from {file}: {error}") from None


def _holds_secret(url: str) -> bool:
    import sqlalchemy

    try:
        parsed = sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        shown = url if "@" not in url else f"...@{url.rpartition('@')[2]}"
        raise UsageError(f"invalid --storage {shown[:80]!r}: expected {_accepted}") from None
    passwords = [parsed.password, *(value for key, value in parsed.query.items() if "pass" in key.lower())]
    for password in filter(None, passwords):
        _secrets[url] = str(password)
    return url in _secrets
