"""Search: which choice next, where, until when. In a notebook: `from search import run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.cli.notebook import run

__all__ = ["run"]


def __getattr__(name: str) -> Any:
    """Import `run` when it is first asked for: everything else in this package is imported without it."""
    if name == "run":
        from search.cli.notebook import run

        return run
    raise AttributeError(f"module 'search' has no attribute {name!r}")
