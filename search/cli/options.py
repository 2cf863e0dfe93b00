"""From the command line, the environment and a settings file to the settings of a run, in this order."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from reports.stored import layout
from search.algorithms.pruners import PRUNERS
from search.presets import MOST_TRIALS, PRESETS
from search.run_options import RunOptions
from search.settings import OPTIONS, RunSettings, command_for
from search.storage.url import reference_for
from spaces.backbones import Backbones, find_backbones
from spaces.catalogue import find_space, space_names, with_backbones
from spaces.errors import UnknownNameError, UsageError
from spaces.records import parse
from spaces.space import Space

if TYPE_CHECKING:
    from search.driver.fork import Fork
    from search.results.run_folder import RunFolder

_renamed = {"storage_patience_seconds": "storage_wait", "cluster_patience_seconds": "cluster_wait"}
"""Options that settings.json has under another name, in run folders written before they were renamed."""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A run that can start."""

    settings: RunSettings
    space: Space
    places: Mapping[str, str]
    """Where the files lie that the settings name, see `search.results.places`."""
    fork: Fork | None = None
    """The study whose trials a new one begins with."""

    @property
    def command(self) -> str:
        """The command line that repeats this run."""
        return command_for(self.settings) if self.fork is None else self.fork.command(self.settings)

    def forked(self, new: str | None) -> Resolved:
        """Return a run of study `new` that begins with the trials of this one; this run if `new` is None.

        Raises:
            UsageError: there is no such study to begin with, or the new name is not accepted.
            StudyConflictError: study `new` exists.
        """
        if new is None:
            return self
        from search.driver.fork import Fork, fork_settings
        from search.results.status import find_run

        source = Fork.of(find_run(self.settings.study, self.settings.runs))
        return replace(self, settings=fork_settings(self.settings, new), fork=source)


def resolve(typed: Mapping[str, object], *, file: Path | None) -> Resolved:
    """Return a run as typed, over the environment, over the file, over the stored settings of the study or defaults.

    Args:
        typed: values by the name of the option, as in `RunOptions`; None: not typed.
        file: options in TOML, or the settings.json of an earlier run; see `from_file`.

    Raises:
        UsageError: a value is not accepted, there is no such space, or none is named.
    """
    weaker = from_file(file, Path.cwd()) | from_environment(os.environ)
    options = {**weaker, **{name: value for name, value in typed.items() if value is not None}}
    study = _existing_study(options)
    return resolve_options(options) if study is None else continued(study, options)


def _existing_study(options: Mapping[str, object]) -> RunFolder | None:
    """Return the folder of the study that the options name, with `--study` or by space and data; None: it is new."""
    from search.results.run_folder import RunFolder

    study = options.get("study")
    if study is None and "space" in options:
        space = find_space(str(options["space"]))
        study = study_name(space.name, str(options.get("data", space.default_data)))
    folder = RunFolder(path=Path(str(options.get("runs", OPTIONS["runs"].default))) / str(study))
    return folder if study is not None and (folder.path / layout.SETTINGS).is_file() else None


def continued(folder: RunFolder, typed: Mapping[str, object]) -> Resolved:
    """Return a run of a study that exists, with what was typed over its stored settings but for `--timeout`.

    Raises:
        UsageError: as `resolve`, or a file that the settings name is not where it was.
        RecordError: the settings are damaged.
    """
    from search.results.places import NAMED, places_now
    from search.results.status import read_settings

    record = read_settings(folder)
    stored = from_settings(record.settings, str(folder.path / layout.SETTINGS))
    stored.pop("timeout", None)
    if "preset" in {**stored, **typed}:
        stored.pop("trials", None)  # they follow from the speed of the first trial
    if stored.get("pruner") not in PRUNERS:  # of an earlier version: pruners may change between runs of a study
        stored.pop("pruner", None)
    place = {"study": folder.path.name, "runs": str(folder.path.parent)}
    places = places_now(folder, record, [name for name in NAMED if name not in typed])
    return resolve_options({**stored, **place, **typed}, places)


def resolve_options(options: Mapping[str, object], places: Mapping[str, str] = MappingProxyType({})) -> Resolved:
    """Return a run with these options over the defaults; raises as `resolve`.

    Args:
        options: by name.
        places: where the files of stored options lie now; others lie where the options say.
    """
    from search.results.places import absolute_places, find_space_at  # numpy with it, which `--help` does without

    options = _read(options, lambda name: OPTIONS[name].flag)
    if (preset := PRESETS.get(options.get("preset", ""))) is not None:
        if "trials" in options:
            del options["preset"]  # all that it would set later
        options = cast(RunOptions, {**preset.options, "trials": MOST_TRIALS, **options})
    if "space" not in options:
        raise UsageError(f"no space is named; add --space NAME.\nSpaces: {', '.join(space_names())}")
    space = find_space_at(str(options["space"]), places.get("space"))
    if "backbone" in options:
        backbones = find_backbones(places.get("backbone", str(options["backbone"])))
        space = with_backbones(space, _refuse_changed_model(backbones))
    if "enqueue" in options:
        options["enqueue"] = tuple(options["enqueue"]) or ("none",)
        space = space.beginning_with(options["enqueue"])
    settings = _settings(options, space)
    return Resolved(settings=settings, space=space, places={**absolute_places(asdict(settings)), **places})


def _settings(options: RunOptions, space: Space, environment: MutableMapping[str, str] = os.environ) -> RunSettings:
    data = options.get("data", space.default_data)
    if data is None:
        raise UsageError(f"space '{space.name}' has no dataset of its own; name one with --data NAME or --data PATH")
    values: dict[str, Any] = {"study": study_name(space.name, str(data)), "data": data, **options}
    if "storage" in values:
        values["storage"] = reference_for(values["storage"], environment)
    return RunSettings(**{OPTIONS[name].field: value for name, value in values.items()})


def _refuse_changed_model(backbones: Backbones) -> Backbones:
    """Return the backbones; refuse a model file that differs from what its search wrote."""
    if backbones.are_exported:
        from reports.stored.layout import CARD
        from search.results.predict import card_beside  # numpy with it, which `--help` does without

        file = Path(backbones.weights)
        if backbones.digest != f"sha256:{card_beside(file).sha256}":
            raise UsageError(
                f"--backbone: {file} is not the model that {CARD} beside it was written for, and may run code when it "
                "is loaded.\nUse a model as `run` or `export` wrote it."
            )
    return backbones


def from_environment(environment: Mapping[str, str]) -> RunOptions:
    """Return the options in the variables `TAMIZ_SPACE`, `TAMIZ_TRIALS` ..."""
    readable = [option for option in OPTIONS.values() if option.from_environment]
    typed = {option.name: environment.get(option.variable, "").strip() or None for option in readable}
    return _read(typed, lambda name: OPTIONS[name].variable)


def from_file(file: Path | None, folder: Path) -> RunOptions:
    """Return the options in a settings file: TOML, or the settings.json of an earlier run.

    Args:
        file: the file; of a pyproject.toml the table [tool.tamiz]. None: the pyproject.toml in `folder`, if any.
        folder: where the search was started.

    Raises:
        UsageError: the file can't be read, or holds a key or a value that is not accepted.
    """
    if file is None:
        file = folder / "pyproject.toml"
        if not file.is_file():
            return RunOptions()
    is_json = file.suffix == ".json"
    try:
        text = file.read_text()
        table: Any = parse(text) if is_json else tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"can't read --config {file}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"invalid --config '{file}': not {'JSON' if is_json else 'TOML'}: {error}") from None
    if file.name == "pyproject.toml":
        table = table.get("tool", {}).get("tamiz", {})
    elif is_json:
        table = table.get("settings") if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise UsageError(f"invalid --config '{file}': expected a table of options such as trials = 50")
    return from_settings(table, file.name) if is_json else _from_table(table, file.name)


def from_settings(settings: Mapping[str, object], source: str) -> RunOptions:
    """Return the options that a run stored; `source` is the file, for errors."""
    return _from_table({_renamed.get(key, key): value for key, value in settings.items()}, source)


def _from_table(table: Mapping[str, object], source: str) -> RunOptions:
    keys = {key.replace("-", "_").removesuffix("_seconds"): key for key in table}
    for name, key in keys.items():
        if name not in OPTIONS:
            raise UnknownNameError(f"option in {source}", key, OPTIONS, plural="options")
    return _read({name: table[key] for name, key in keys.items()}, lambda name: f"{keys[name]} in {source}")


def _read(values: Mapping[str, object], source_of: Callable[[str], str]) -> RunOptions:
    """Return the values as their options' kinds; `source_of` gives the source of an option for errors."""
    read = {
        name: OPTIONS[name].kind.read(value, source_of(name)) for name, value in values.items() if value is not None
    }
    return cast(RunOptions, read)


def study_name(space: str, data: str) -> str:
    """Return the default name of a study: "cnn_cifar-digits"."""
    last = Path(data).expanduser().absolute().name if "/" in data or data in (".", "..") else data
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{space}-{last.removesuffix('.npz').removesuffix('.csv')}")
    return clean.strip("-.")[:100]
