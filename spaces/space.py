"""A space, as the other packages see it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from spaces.backbones import OURS, Backbones
from spaces.errors import UnknownNameError, UsageError
from spaces.recipe import Recipe
from spaces.suggest import Suggest

ParameterValue = bool | int | float | str | None
Parameters = Mapping[str, ParameterValue]


def is_path(name: str) -> bool:
    """Whether a space's name is the path of its file."""
    return name.endswith(".py") or "/" in name or "\\" in name


def search_last_in(folder: Path) -> None:
    """Let files beside a space and in the working folder be imported, unless an installed package has their name."""
    with suppress(ImportError):  # it has no file of its own, so that Python would prefer any `google.py`
        importlib.import_module("google")
    # An editable install finds our packages after those of all folders, so that theirs comes before the space's.
    places = map(str, (Path(__file__).resolve().parents[1], folder, Path.cwd()))
    sys.path += [place for place in dict.fromkeys(places) if place not in sys.path]


@dataclass(frozen=True, kw_only=True)
class OwnValues:
    """Values that a user typed for some parameters, as text, and the choices that give the others."""

    typed: Mapping[str, str]
    base: Parameters


@dataclass(frozen=True, kw_only=True)
class Space:
    """A module with `suggest`, a docstring, and perhaps `BASELINES`, `STARTS`, `DEFAULT_DATA` and `REPEATS`."""

    name: str
    """Name of a shipped space, or the stem of the user's file."""
    docstring: str
    suggest: Callable[[Suggest], Recipe]
    baselines: Mapping[str, Parameters]
    """Hand-made choices inside the space, by name; tried before the sampler's own."""
    default_data: str | None
    module: str
    """Name under which it is imported."""
    file: str
    """Where it was read from."""
    digest: str
    """"sha256:..." of its code, from `spaces.digest`."""
    repeats: int | None = None
    """How often each combination of choices is trained, with other seeds; None: the space is searched."""
    starts: Mapping[str, Parameters] = field(default_factory=dict)
    """Recommended choices, by name; tried after the baselines and before the sampler's own, and pruned like these."""
    own: Mapping[str, OwnValues] = field(default_factory=dict)
    """A user's own choices, by the text that was typed; tried before all others, as starts."""
    backbones: Backbones = OURS
    """Pretrained networks that its trials may start from; most spaces use none."""

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return self.docstring.strip().partition("\n")[0]

    def beginning_with(self, beginnings: Collection[str]) -> Space:
        """Return the space with only these of its baselines and starts, and with values of the user's own.

        Args:
            beginnings: names; "none"; or own values over those of a baseline or start, by default the first one:
                "learning_rate=0.02,stages=3" or "lab_base:learning_rate=0.02". Without a name, all are kept.

        Raises:
            UnknownNameError: there is no such baseline or start.
            UsageError: own values are not of that form.
        """
        own = {text: self._own_values(text) for text in beginnings if "=" in text}
        names = [text for text in beginnings if "=" not in text and text != "none"]
        for name in names:
            self._choices_of(name)
        keeps_all = bool(own) and len(own) == len(beginnings)
        return replace(
            self,
            baselines={name: params for name, params in self.baselines.items() if keeps_all or name in names},
            starts={name: params for name, params in self.starts.items() if keeps_all or name in names},
            own=own,
        )

    def _choices_of(self, name: str) -> Parameters:
        known = {**self.baselines, **self.starts}
        if name not in known:
            raise UnknownNameError("baseline or start", name, known, plural="baselines and starts")
        return known[name]

    def _own_values(self, text: str) -> OwnValues:
        base, _, values = text.partition(":") if ":" in text.partition("=")[0] else ("", "", text)
        pairs = [
            (name.strip(), value.strip()) for name, _, value in (pair.partition("=") for pair in values.split(","))
        ]
        if not all(name and value for name, value in pairs) or len(dict(pairs)) < len(pairs):
            raise UsageError(
                f"invalid --enqueue '{text}': expected values such as learning_rate=0.02,stages=3, each name once, or "
                "NAME:learning_rate=0.02 for those of another baseline or start"
            )
        first = next(iter({**self.baselines, **self.starts}.values()), {})
        return OwnValues(typed=dict(pairs), base=self._choices_of(base.strip()) if base else first)
