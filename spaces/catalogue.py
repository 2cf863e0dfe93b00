"""Finds a space: one of ours by name, a person's file by path, or an importable module by dotted name."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from spaces.backbones import EXPORTED, Backbones
from spaces.digest import source_digest
from spaces.errors import ImpossibleChoiceError, RecordError, SpaceError, TamizError, UnknownNameError, UsageError
from spaces.parameters import RandomSuggest, find_parameters
from spaces.recipe import ImageShape, Recipe
from spaces.space import Parameters, Space
from spaces.suggest import Suggest, TrialSuggest

_builtin = Path(__file__).resolve().parent / "builtin"
_own_file = "Your own: --space path/to/file.py"


def space_names() -> tuple[str, ...]:
    """Return the names of our spaces: the modules of `spaces.builtin` that define `suggest`."""
    return tuple(sorted(file.stem for file in _builtin.glob("*.py") if _defines_suggest(file)))


def find_space(name: str) -> Space:
    """Return the space that a person named.

    Args:
        name: a name in `space_names()`, the path of a Python file, or a dotted module.

    Raises:
        UnknownNameError: no such space.
        SpaceError: it can't be read, or it lacks what a space needs; names their file and line.
    """
    if name.endswith(".py") or "/" in name or "\\" in name:
        file = Path(name).expanduser()
        if not file.is_file():
            raise SpaceError(f"no space file '{name}'. A space is one Python file with `suggest(trial) -> Recipe`.")
        module = _module_from_file(file.resolve(), file.read_bytes())
        return _space(module, name=file.stem, file=file.resolve())
    if name in space_names():
        return _named(f"spaces.builtin.{name}", name=name)
    if "." in name and all(part.isidentifier() for part in name.split(".")):
        return _named(name, name=name.rpartition(".")[2])
    raise UnknownNameError("space", name, space_names(), plural="spaces", hint=_own_file)


def _named(module_name: str, *, name: str) -> Space:
    if (found := _locate(module_name)) is None:
        raise UnknownNameError("space", module_name, space_names(), plural="spaces", hint=_own_file)
    with _blaming(found):
        module = importlib.import_module(module_name)
    return _space(module, name=name, file=found)


def _locate(module_name: str) -> Path | None:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # the installed script, unlike `python -m`, leaves it out
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
        raise SpaceError(f"space file '{file.name}' is no Python file")
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))  # its neighbours can be imported, but shadow nothing
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with _blaming(file):
        spec.loader.exec_module(module)
    return module


def _space(module: ModuleType, *, name: str, file: Path) -> Space:
    suggest = getattr(module, "suggest", None)
    if not callable(suggest):
        raise SpaceError(f"space '{file.name}' has no `suggest`; write `def suggest(trial: Suggest) -> Recipe`")
    default_data = getattr(module, "DEFAULT_DATA", None)
    if not isinstance(default_data, str | None):
        raise SpaceError(f"DEFAULT_DATA in '{file.name}' is {default_data!r}; accepted: the name or path of a dataset")
    repeats = getattr(module, "REPEATS", None)
    if repeats is not None and not (type(repeats) is int and repeats > 0):
        raise SpaceError(f"REPEATS in '{file.name}' is {repeats!r}; accepted: a whole number, 1 or more")
    return Space(
        name=name,
        docstring=(module.__doc__ or "").strip(),
        suggest=_blaming_its_file(suggest, file),
        baselines=_given(module, "BASELINES", file),
        starts=_given(module, "STARTS", file),
        default_data=default_data,
        module=module.__name__,
        file=str(file),
        digest=source_digest(file),
        repeats=repeats,
    )


def _given(module: ModuleType, attribute: str, file: Path) -> Mapping[str, Parameters]:
    came = getattr(module, attribute, {})
    if not isinstance(came, Mapping):
        raise SpaceError(f"{attribute} in '{file.name}' is a {type(came).__name__}; accepted: a dict of names to dicts")
    for name, params in came.items():
        where = f"{name!r} in {attribute} of '{file.name}'"
        if not isinstance(params, Mapping):
            raise SpaceError(f"{where} is a {type(params).__name__}; accepted: a dict")
        for parameter, value in params.items():
            if not isinstance(value, bool | int | float | str):
                raise SpaceError(f"{where} has {parameter} = {value!r}; accepted: text, a number, True or False")
    return {str(name): dict(params) for name, params in came.items()}


def _blaming_its_file(suggest: Callable[[Suggest], Recipe], file: Path) -> Callable[[Suggest], Recipe]:
    @functools.wraps(suggest)
    def suggest_or_blame(trial: Suggest) -> Recipe:
        with _blaming(file):
            try:
                recipe = suggest(trial)
            except (RecordError, ValueError) as error:
                raise ImpossibleChoiceError(_refusal(error, file)) from error
        if not isinstance(recipe, Recipe):
            raise SpaceError(f"`suggest` in '{file.name}' returned a {type(recipe).__name__}; accepted: a Recipe")
        return recipe

    return suggest_or_blame


class _blaming:  # noqa: N801 - reads as the words it stands for
    """Turn an error raised in a person's file into a `SpaceError` that names their line."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SyntaxError):
            raise SpaceError(_syntax_message(error, self.file)) from error
        if isinstance(error, Exception | SystemExit) and not isinstance(error, TamizError) and not _of_the_study(error):
            raise SpaceError(_error_message(error, self.file)) from error


def _of_the_study(error: BaseException) -> bool:
    """Whether the study, asked for a value, failed: its database is none of the space's business."""
    return type(error).__module__.partition(".")[0] in ("optuna", "sqlalchemy")


def _syntax_message(error: SyntaxError, file: Path) -> str:
    last_lines = traceback.format_exception_only(error)[1:]
    return f"space '{Path(error.filename or file).name}' has an error in line {error.lineno or 1}:\n" + "".join(
        last_lines
    ).rstrip("\n")


def _refusal(error: Exception, file: Path) -> str:
    frames = _frames_in(file, error)
    line = f", line {frames[-1].lineno}" if frames else ""
    return f"{str(error).partition(chr(10))[0][:200] or type(error).__name__} (space '{file.name}'{line})"


def _frames_in(file: Path, error: BaseException) -> list[traceback.FrameSummary]:
    return [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).resolve() == file]


def _error_message(error: BaseException, file: Path) -> str:
    frames = _frames_in(file, error)
    where = f" in line {frames[-1].lineno}:\n    {frames[-1].line}\n" if frames else ":\n"
    return f"space '{file.name}' fails{where}{traceback.format_exception_only(error)[-1].rstrip()[:300]}"


def _defines_suggest(file: Path) -> bool:
    tree = ast.parse(file.read_bytes())
    return any(isinstance(node, ast.FunctionDef) and node.name == "suggest" for node in tree.body)


def with_backbones(space: Space, backbones: Backbones) -> Space:
    """Return a space whose trials are offered the pretrained networks that a person named.

    With a model of one's own the hand-made choices of other networks become those of their heads: `cifar_vgg16` becomes
    `cifar_vgg16_head`, on the model, cut at the same quarter.

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
            f"space '{space.name}' starts from no backbone; leave --backbone out, or say --space transfer_frozen"
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
