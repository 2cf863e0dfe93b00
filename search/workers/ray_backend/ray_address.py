"""The address of a Ray cluster: whether anything listens there, and what to say if not."""

from __future__ import annotations

from collections.abc import Mapping

from search.workers.ray_backend.health import greet
from spaces.errors import UsageError

_greeting_seconds = 15.0


def probe(address: str, environment: Mapping[str, str]) -> None:
    """Find out quickly what Ray takes a minute for, and then ends the process over; raises UsageError."""
    named = environment.get("RAY_ADDRESS", "auto") if address == "auto" else address
    if named == "auto":
        return
    try:
        greet(named, timeout_seconds=_greeting_seconds)
    except (OSError, ValueError) as error:
        if named == address:
            raise unreachable(address, first_line(error)) from None
        raise UsageError(
            f"cannot reach the Ray cluster at {named}, which RAY_ADDRESS names: {first_line(error)}\n"
            "Unset RAY_ADDRESS, or leave out --ray-address for a cluster of this search's own."
        ) from None


def unreachable(address: str | None, why: str) -> UsageError:
    """Return the error of a cluster that can't be reached; without an address, of one that does not start here."""
    if address is None:
        return UsageError(f"Ray does not start here: {why}\nSearch without Ray: --executor inline")
    return UsageError(
        f"cannot reach the Ray cluster at {address}: {why}\n"
        "Accepted: HOST:PORT of its head node (Ray's own port, 6379 by default), or auto on one of its machines."
    )


def first_line(error: Exception) -> str:
    """Return the first line of an error, cut to what fits a terminal."""
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__
