"""The secret that the processes of an own Ray cluster show each other: there before Ray starts, and private."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from spaces.errors import UsageError

_mode = "RAY_AUTH_MODE"
_given_elsewhere = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


def refuse_open_doors(environment: Mapping[str, str]) -> None:
    """Refuse to start a cluster in which whoever reaches this machine could run code.

    Raises:
        UsageError: the environment switches Ray's token authentication off.
    """
    mode = environment.get(_mode, "token")
    if mode.lower() != "token":
        raise UsageError(
            f"{_mode} is {mode!r}: whoever reaches this machine could run code in the workers\n"
            f"Accepted: token, which is also the default. Unset {_mode}, or search without Ray: --executor inline\n"
            "Where nobody else can reach it: --insecure-ray"
        )


def ensure_private_token(environment: Mapping[str, str], *, home: Path | None = None) -> None:
    """Make the token that Ray would otherwise write for all to read; take other people's access to one that is there.

    Does nothing where the environment says that the token is elsewhere.
    """
    if any(environment.get(name) for name in _given_elsewhere):
        return
    token = (home or Path.home()) / ".ray" / "auth_token"
    with contextlib.suppress(OSError):  # a home that can't be written: Ray then says so itself
        token.parent.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            file = os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w") as text:
                text.write(secrets.token_hex(32))
        token.chmod(0o600)
