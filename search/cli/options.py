"""From what was typed, the environment and a settings file to the settings of a run, in this order."""

from __future__ import annotations

import os
import re
import tomllib
import typing
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.storage.url import reference_for
from spaces.backbones import Backbones, find_backbones
from spaces.catalogue import (
    find_space,
    space_names,
    with_backbones,
)
from spaces.errors import UnknownNameError, UsageError
from spaces.records import from_plain, parse
from spaces.space import Space

if TYPE_CHECKING:
    from search.settings import RunSettings

DEFAULT_TRIALS = 50
_duration = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_unit_seconds = (86400, 3600, 60, 1)
_durations = ("timeout", "trial_timeout", "trial_stall", "storage_wait", "cluster_wait")
_renamed = {"storage_patience_seconds": "storage_wait", "cluster_patience_seconds": "cluster_wait"}
"""Options that settings.json has under another name, in run folders written before they were renamed."""
_not_in_environment = ("data",)  # TAMIZ_DATA is the data directory


@dataclass(frozen=True, kw_only=True)
class Options:
    """What one source says about a run; None: nothing."""

    space: str | None = None
    data: str | None = None
    backbone: str | None = None
    study: str | None = None
    trials: int | None = None
    timeout: float | None = None
    """Seconds."""
    trial_timeout: float | None = None
    """Seconds."""
    trial_stall: float | None = None
    """Seconds."""
    storage_wait: float | None = None
    """Seconds."""
    cluster_wait: float | None = None
    """Seconds."""
    epochs: int | None = None
    train_images: int | None = None
    image_size: int | None = None
    resize: str | None = None
    workers: int | None = None
    runs: str | None = None
    storage: str | None = None
    seed: int | None = None
    sampler: str | None = None
    pruner: str | None = None
    metric: str | None = None
    until: float | None = None
    executor: str | None = None
    ray_address: str | None = None
    insecure_ray: bool | None = None
    enqueue: str | None = None
    skip_bad: bool | None = None

    def over(self, weaker: Options) -> Options:
        """Return these options, with those of a weaker source where these say nothing."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(weaker, **said)

    def settings(self, space: Space, *, environment: MutableMapping[str, str] = os.environ) -> RunSettings:
        """Return the settings of a run in that space, with defaults for what nobody said.

        Raises:
            UsageError: a value is not accepted, or the data is missing.
        """
        from search.settings import RunSettings  # numpy with it, which `--help` does without

        data = self.data or space.default_data
        if data is None:
            raise UsageError(
                f"space '{space.name}' has no dataset of its own; name one with --data NAME or --data PATH"
            )
        said = {name: value for name, value in asdict(self).items() if value is not None}
        for name in _durations:
            if name in said:
                said[f"{name}_seconds"] = said.pop(name)
        if self.storage is not None:
            said["storage"] = reference_for(self.storage, environment)
        named = {"study": study_name(space.name, data), "trials": DEFAULT_TRIALS, "data": data}
        return from_plain(RunSettings, named | said, where="settings")


_kinds = {name: typing.get_args(kind)[0] for name, kind in typing.get_type_hints(Options).items()}


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A run that can start."""

    settings: RunSettings
    space: Space


def resolve(typed: Options, *, file: Path | None) -> Resolved:
    """Return a run as typed, over the environment, over the file, over the defaults.

    Raises:
        UsageError: a value is not accepted, there is no such space, or none is named.
    """
    return resolve_alone(typed.over(from_environment(os.environ)).over(from_file(file, Path.cwd())))


def resolve_alone(options: Options) -> Resolved:
    """Return a run with these options over the defaults; raises as `resolve`."""
    if options.space is None:
        raise UsageError(f"no space is named; say --space NAME.\nSpaces: {', '.join(space_names())}")
    space = find_space(options.space)
    if options.backbone is not None:
        space = with_backbones(space, _known(find_backbones(options.backbone)))
    if options.enqueue is not None:
        names = [name.strip() for name in options.enqueue.split(",")]
        space = space.beginning_with([] if names == ["none"] else names)
    return Resolved(settings=options.settings(space), space=space)


def _known(backbones: Backbones) -> Backbones:
    """Return the backbones, unless they are a model that is not the one which a search left."""
    if backbones.are_exported:
        from reports.stored.layout import CARD
        from search.results.predict import card_beside  # numpy with it, which `--help` does without

        file = Path(backbones.weights)
        if backbones.digest != f"sha256:{card_beside(file).sha256}":
            raise UsageError(
                f"--backbone: {file} is not the model that {CARD} beside it was written for, and may run code when it "
                "is loaded.\nAccepted: a model as `run` or `export` wrote it."
            )
    return backbones


def from_environment(environment: Mapping[str, str]) -> Options:
    """Return what the variables `TAMIZ_SPACE`, `TAMIZ_TRIALS` ... say; `TAMIZ_DATA` is the data directory."""
    said: dict[str, Any] = {}
    for name in _kinds.keys() - set(_not_in_environment):
        variable = f"TAMIZ_{name.upper()}"
        if text := environment.get(variable, "").strip():
            said[name] = _parsed(name, text, variable)
    return Options(**said)


def from_file(file: Path | None, folder: Path) -> Options:
    """Return what a settings file says: TOML, or the settings.json of an earlier run.

    Args:
        file: the file; of a pyproject.toml the table [tool.tamiz]. None: the pyproject.toml in `folder`, if any.
        folder: where the search was started.

    Raises:
        UsageError: the file can't be read, or holds a key or a value that is not accepted.
    """
    if file is None:
        file = folder / "pyproject.toml"
        if not file.is_file():
            return Options()
    try:
        text = file.read_text()
        table: Any = parse(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"--config {file} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--config {file} is no {'JSON' if file.suffix == '.json' else 'TOML'}: {error}") from None
    if file.name == "pyproject.toml":
        table = table.get("tool", {}).get("tamiz", {})
    elif file.suffix == ".json":
        table = table.get("settings") if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise UsageError(f"--config {file} holds no settings; accepted: a table of options such as trials = 50")
    return from_settings(table, file.name) if file.suffix == ".json" else _from_table(table, file.name)


def from_settings(settings: Mapping[str, object], source: str) -> Options:
    """Return the options that a run stored; `source` is the file, for errors."""
    return _from_table({_renamed.get(key, key): value for key, value in settings.items()}, source)


def parse_duration(text: str, option: str = "--timeout") -> float:
    """Return the seconds in "90s", "30m", "2h" or "1h30m".

    Raises:
        UsageError: it is no length of time, or has no unit.
    """
    came = text.strip().lower().replace(" ", "")
    found = _duration.fullmatch(came)
    if not came or found is None:
        raise UsageError(f"{option} is {text!r}; accepted: numbers with units, such as 90s, 30m, 2h or 1h30m")
    return sum(float(number) * unit for number, unit in zip(found.groups(), _unit_seconds, strict=True) if number)


def study_name(space: str, data: str) -> str:
    """Return the name that a study has when nobody names it: "cnn_cifar-digits"."""
    last = Path(data).expanduser().absolute().name if "/" in data or data in (".", "..") else data
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{space}-{last.removesuffix('.npz').removesuffix('.csv')}")
    return clean.strip("-.")[:100]


def _from_table(table: Mapping[str, object], source: str) -> Options:
    said: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_").removesuffix("_seconds")
        if name not in _kinds:
            raise UnknownNameError(f"option in {source}", key, _kinds, plural="options")
        if value is None:
            continue
        if isinstance(value, str):
            said[name] = _parsed(name, value, f"{key} in {source}")
        elif isinstance(value, int | float) and _fits(value, _kinds[name]):
            said[name] = value
        else:
            raise UsageError(f"{key} in {source} is {value!r}; accepted: {_in_words(_kinds[name])}")
    return Options(**said)


def _parsed(name: str, text: str, source: str) -> object:
    kind = _kinds[name]
    if name in _durations:
        return parse_duration(text, source)
    if kind is bool:
        if text.lower() not in ("1", "0", "true", "false", "yes", "no"):
            raise UsageError(f"{source} is {text!r}; accepted: true or false")
        return text.lower() in ("1", "true", "yes")
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"{source} is {text!r}; accepted: {_in_words(kind)}") from None


def _fits(value: float, kind: type) -> bool:
    return type(value) is kind or (kind is float and type(value) is int)


def _in_words(kind: type) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[kind]
