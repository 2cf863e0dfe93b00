"""Search: which choice next, where, until when. In a notebook: `from search import run`."""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` may be a file in the working folder, see `search.__main__`
if TYPE_CHECKING:
    from search.cli.notebook import run

__all__ = ["run"]


def __getattr__(name: str) -> object:
    """Import `run` when it is first asked for: everything else in this package is imported without it."""
    if name == "run":
        from search.system.own_packages import find_own_packages

        find_own_packages()
        from search.cli.notebook import run

        return run
    raise AttributeError(f"module 'search' has no attribute {name!r}")
