"""Finds a space: a shipped one by name, a user's file by path, or an importable module by dotted name."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from spaces.backbones import EXPORTED, Backbones
from spaces.digest import source_digest
from spaces.errors import (
    ImpossibleChoiceError,
    RecordError,
    SpaceError,
    TamizError,
    UnknownNameError,
    UsageError,
    first_line,
)
from spaces.parameters import RandomSuggest, find_parameters
from spaces.recipe import ImageShape, Recipe
from spaces.records import is_numpy_scalar
from spaces.space import Parameters, Space, is_path, search_last_in
from spaces.suggest import Suggest, TrialSuggest, plain

_builtin = Path(__file__).resolve().parent / "builtin"
_own_file = "Your own: --space path/to/file.py"


def space_names() -> tuple[str, ...]:
    """Return the names of the shipped spaces: the modules of `spaces.builtin`."""
    return tuple(sorted(file.stem for file in _builtin.glob("[!_]*.py")))


def find_space(name: str, *, folder: Path | None = None) -> Space:
    """Return the space of that name.

    Args:
        name: a name in `space_names()`, the path of a Python file, or a dotted module.
        folder: where a dotted module is looked for after the installed ones; None: in the working folder.

    Raises:
        UnknownNameError: no such space.
        SpaceError: it can't be read, or it lacks what a space needs; names their file and line.
    """
    if is_path(name):
        file = Path(name).expanduser()
        if not file.is_file():
            raise SpaceError(f"no space file '{name}'. A space is one Python file with `suggest(trial) -> Recipe`.")
        module = _module_from_file(file.resolve(), file.read_bytes())
        return _space(module, name=file.stem, file=file.resolve())
    if name in space_names():
        return _named(f"spaces.builtin.{name}", name=name)
    if "." in name and all(part.isidentifier() for part in name.split(".")):
        search_last_in(folder or Path.cwd())
        return _named(name, name=name.rpartition(".")[2])
    raise UnknownNameError("space", name, space_names(), plural="spaces", hint=_own_file)


def _named(module_name: str, *, name: str) -> Space:
    if (found := _locate(module_name)) is None:
        raise UnknownNameError("space", module_name, space_names(), plural="spaces", hint=_own_file)
    with space_errors(found):
        module = importlib.import_module(module_name)
    return _space(module, name=name, file=found)


def _locate(module_name: str) -> Path | None:
    try:
        found = importlib.util.find_spec(module_name)
    except ModuleNotFoundError:
        return None
    return Path(found.origin) if found and found.origin and found.has_location else None


@functools.cache
def _module_from_file(file: Path, _content: bytes) -> ModuleType:
    """Run a user's file once for each of its contents, so that its types stay the same types."""
    spec = importlib.util.spec_from_file_location(f"space_file_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise SpaceError(f"space file '{file.name}' is not a Python file")
    search_last_in(file.parent)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with space_errors(file):
        spec.loader.exec_module(module)
    return module


def _space(module: ModuleType, *, name: str, file: Path) -> Space:
    suggest = getattr(module, "suggest", None)
    if not callable(suggest):
        raise SpaceError(f"space '{file.name}' has no `suggest`; write `def suggest(trial: Suggest) -> Recipe`")
    default_data = getattr(module, "DEFAULT_DATA", None)
    if not isinstance(default_data, str | None):
        raise SpaceError(
            f"invalid DEFAULT_DATA {default_data!r} in '{file.name}': expected the name or path of a dataset"
        )
    repeats = getattr(module, "REPEATS", None)
    if repeats is not None and not (type(repeats) is int and repeats > 0):
        raise SpaceError(f"invalid REPEATS {repeats!r} in '{file.name}': expected a whole number, 1 or more")
    return Space(
        name=name,
        docstring=(module.__doc__ or "").strip(),
        suggest=_checked(suggest, file),
        baselines=_given(module, "BASELINES", file),
        starts=_given(module, "STARTS", file),
        default_data=default_data,
        module=module.__name__,
        file=str(file),
        digest=source_digest(file),
        repeats=repeats,
    )


def _given(module: ModuleType, attribute: str, file: Path) -> Mapping[str, Parameters]:
    given = getattr(module, attribute, {})
    if not isinstance(given, Mapping):
        raise SpaceError(f"{attribute} in '{file.name}' is a {type(given).__name__}: expected a dict of names to dicts")
    for name, params in given.items():
        where = f"{name!r} in {attribute} of '{file.name}'"
        if not isinstance(params, Mapping):
            raise SpaceError(f"{where} is a {type(params).__name__}: expected a dict")
        for parameter, value in params.items():
            if not (value is None or is_numpy_scalar(value) or isinstance(value, bool | int | float | str)):
                raise SpaceError(f"{where} has {parameter} = {value!r}: expected text, a number, True, False or None")
    return {str(name): {key: plain(value) for key, value in params.items()} for name, params in given.items()}


def _checked(suggest: Callable[[Suggest], Recipe], file: Path) -> Callable[[Suggest], Recipe]:
    """Return `suggest` with errors that name the file's line, and with a check of what it returns."""

    @functools.wraps(suggest)
    def checked_suggest(trial: Suggest) -> Recipe:
        with space_errors(file):
            try:
                recipe = suggest(trial)
            except (RecordError, ValueError) as error:
                raise ImpossibleChoiceError(_refusal(error, file)) from error
        if not isinstance(recipe, Recipe):
            raise SpaceError(f"`suggest` in '{file.name}' returned a {type(recipe).__name__}: expected a Recipe")
        return recipe

    return checked_suggest


@contextmanager
def space_errors(file: Path) -> Iterator[None]:
    """Turn an error raised in a space's file into a `SpaceError` that names the line there."""
    try:
        yield
    except SyntaxError as error:
        raise SpaceError(_syntax_message(error, file)) from error
    except (Exception, SystemExit) as error:
        if isinstance(error, TamizError) or _is_from_the_study(error):
            raise
        raise SpaceError(_error_message(error, file)) from error


def _is_from_the_study(error: BaseException) -> bool:
    """Whether the study failed when it was asked for a value, as when its database is locked."""
    return type(error).__module__.partition(".")[0] in ("optuna", "sqlalchemy")


def _syntax_message(error: SyntaxError, file: Path) -> str:
    lines = "".join(traceback.format_exception_only(error)[1:]).rstrip("\n")
    return f"space '{Path(error.filename or file).name}' has an error in line {error.lineno or 1}:\n{lines}"


def _refusal(error: Exception, file: Path) -> str:
    frames = _frames_in(file, error)
    line = f", line {frames[-1].lineno}" if frames else ""
    return f"{first_line(error, most=200)} (space '{file.name}'{line})"


def _frames_in(file: Path, error: BaseException) -> list[traceback.FrameSummary]:
    return [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).resolve() == file]


def _error_message(error: BaseException, file: Path) -> str:
    frames = _frames_in(file, error)
    where = f" in line {frames[-1].lineno}:\n    {frames[-1].line}\n" if frames else ":\n"
    return f"space '{file.name}' fails{where}{traceback.format_exception_only(error)[-1].rstrip()[:300]}"


def with_backbones(space: Space, backbones: Backbones) -> Space:
    """Return a space whose trials start from the pretrained networks that `--backbone` names.

    With a model from a file, baselines and starts of other backbones become those of their heads alone:
    `cifar_vgg16` becomes `cifar_vgg16_head`, on that model, cut at the same quarter.

    Raises:
        UsageError: the space does not start from pretrained networks.
    """

    @functools.wraps(space.suggest)
    def suggest(trial: Suggest) -> Recipe:
        return space.suggest(_Offering(trial, backbones))

    shape = ImageShape(height=32, width=32, channels=3)
    probe = _Offering(RandomSuggest(seed=0, images=shape, classes=2), backbones)
    space.suggest(probe)
    if not probe.was_looked_at:
        raise UsageError(
            f"space '{space.name}' does not use a backbone; remove --backbone, or use --space transfer_frozen"
        )
    offered = replace(space, suggest=suggest, backbones=backbones)
    if not backbones.are_exported:
        return offered
    asked = {parameter.name for parameter in find_parameters(offered, images=shape, classes=2)}
    baselines, starts = (_heads_of(given, asked) for given in (space.baselines, space.starts))
    return replace(offered, baselines=baselines, starts=starts)


def _heads_of(given: Mapping[str, Parameters], asked: Container[str]) -> dict[str, Parameters]:
    found = {}
    for name, params in given.items():
        if "backbone" not in params:
            found[name] = params
            continue
        kept = {key: value for key, value in params.items() if key in asked}
        found[f"{name}_head"] = kept | {"backbone": EXPORTED}
    return found


class _Offering(TrialSuggest):
    """A trial that is offered other backbones, and notes whether the space looks at them."""

    def __init__(self, trial: Suggest, backbones: Backbones) -> None:
        super().__init__(trial, images=trial.images, classes=trial.classes, backbones=backbones)
        self.was_looked_at = False

    @property
    def backbones(self) -> Backbones:
        self.was_looked_at = True
        return self._backbones
