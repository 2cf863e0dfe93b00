"""Finds our modules where a user's folder has a package of the same name: a notebook looks into its folder first."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
"""The folder of our packages."""
_names = ("spaces", "objectives", "reports")


class _OwnModules:
    """Finds modules that are not in the user's package of their name; that package stays as it is."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return where a module of ours is; None for all others."""
        *packages, _ = name.split(".")
        if not packages or packages[0] not in _names:
            return None
        return PathFinder.find_spec(name, [str(ROOT.joinpath(*packages))])


def find_own_packages() -> None:
    """Let modules of our packages be found, whatever else has a package's name.

    Raises:
        ImportError: a file has it, which cannot have modules below it.
    """
    for name in _names:
        if (spec := find_spec(name)) is not None and spec.submodule_search_locations is None:
            raise ImportError(f"{spec.origin} is found in place of Tamiz's package '{name}': rename it")
    if _OwnModules not in sys.meta_path:
        sys.meta_path.append(_OwnModules)
