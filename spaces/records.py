"""Frozen dataclasses to plain JSON values and back, strictly.

Every record that Tamiz stores (recipe, settings, result) goes through these two functions, so a
damaged or hand-edited file raises one `RecordError` that names the place.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeGuard, TypeVar, cast, get_args, get_origin

from spaces.errors import RecordError

R = TypeVar("R")


class Family:
    """Base of records that come in several types; each is stored with its type's name under "type"."""


def to_plain(value: object) -> Any:
    """Return `value` as JSON values: dict, list, str, int, float, bool, None.

    Not-a-number and infinite floats become None, since JSON can't represent them.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        plain = {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__} | plain if isinstance(value, Family) else plain
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, enum.StrEnum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if is_numpy_scalar(value):
        return to_plain(value.item())
    raise RecordError(f"a {type(value).__name__} can't be stored: expected dataclasses, text, numbers, lists, None")


def is_numpy_scalar(value: Any) -> TypeGuard[Any]:
    """Whether a value is a number or text of NumPy, such as `np.int64(4)`; NumPy itself is not imported for that."""
    return type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()


def parse(text: str | bytes) -> Any:
    """Return the value in a JSON text; raises ValueError for any damage, deep nesting included."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def from_plain(kind: type[R], plain: object, *, where: str) -> R:
    """Return the record of type `kind` that `plain` (parsed JSON) describes.

    Args:
        kind: a dataclass, or a family of them.
        plain: what `json.loads` gave.
        where: what is being read, for the error: "recipe", "settings.json" ...

    Raises:
        RecordError: a key is missing or unknown, or a value has another type.
    """
    return cast(R, _read(kind, plain, where))


def _read(kind: Any, plain: object, where: str) -> object:
    origin = get_origin(kind)
    if kind is Any:
        return plain
    if origin in (typing.Union, types.UnionType):
        return _read_union(kind, plain, where)
    if origin is typing.Literal:
        for accepted in get_args(kind):
            if plain == accepted and type(plain) is type(accepted):
                return plain
        raise _unfit(where, plain, " or ".join(map(repr, get_args(kind))))
    if origin is tuple:
        return _read_tuple(kind, plain, where)
    if origin in (dict, Mapping):
        if not isinstance(plain, dict):
            raise _unfit(where, plain, "an object")
        value_kind = get_args(kind)[1]
        return {key: _read(value_kind, item, f"{where}.{key}") for key, item in plain.items()}
    if isinstance(kind, type) and issubclass(kind, enum.StrEnum):
        for member in kind:
            if plain == member.value:
                return member
        raise _unfit(where, plain, " or ".join(repr(member.value) for member in kind))
    if kind is float and isinstance(plain, int) and not isinstance(plain, bool):
        try:
            return float(plain)
        except OverflowError:
            raise _unfit(where, "a number of hundreds of digits", "a number that a float can hold") from None
    if kind in (int, float, str, bool, type(None)):
        if type(plain) is not kind:
            raise _unfit(where, plain, "null" if kind is type(None) else f"a value of type {kind.__name__}")
        return plain
    return _read_record(kind, plain, where)


def _read_union(kind: Any, plain: object, where: str) -> object:
    if plain is None and type(None) in get_args(kind):
        return None
    error: RecordError | None = None
    for option in get_args(kind):
        if option is type(None):
            continue
        try:
            return _read(option, plain, where)
        except RecordError as caught:
            error = error or caught
    raise error or _unfit(where, plain, str(kind))


def _read_tuple(kind: Any, plain: object, where: str) -> tuple[object, ...]:
    if not isinstance(plain, list):
        raise _unfit(where, plain, "a list")
    inner = get_args(kind)
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_read(inner[0], item, f"{where}[{i}]") for i, item in enumerate(plain))
    if len(inner) != len(plain):
        raise _unfit(where, plain, f"a list of {len(inner)}")
    return tuple(_read(k, item, f"{where}[{i}]") for i, (k, item) in enumerate(zip(inner, plain, strict=True)))


def _read_record(kind: type, plain: object, where: str) -> object:
    if not isinstance(plain, dict):
        raise _unfit(where, plain, "an object")
    plain = dict(plain)
    if issubclass(kind, Family):
        kind = _member(kind, plain.pop("type", None), where)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    unknown = sorted(set(plain) - set(fields))
    if unknown:
        raise RecordError(f"{where}: unknown key '{unknown[0][:60]}': expected {', '.join(fields)}")
    missing = [
        f.name
        for f in fields.values()
        if f.name not in plain and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise RecordError(f"{where}: '{missing[0]}' is missing")
    kinds = _field_types(kind)
    values = {name: _read(kinds[name], item, f"{where}.{name}") for name, item in plain.items()}
    try:
        return kind(**values)
    except RecordError as error:
        raise RecordError(f"{where}: {error}") from None


def _member(base: type, name: object, where: str) -> type:
    known = _members(base) | ({} if Family in base.__bases__ else {base.__name__: base})
    if not isinstance(name, str) or name not in known:
        raise _unfit(f"{where}.type", name, " or ".join(sorted(known)))
    return known[name]


def _members(base: type) -> dict[str, type]:
    """Types of the family by name; of two with the same name, the one defined last."""
    found: dict[str, type] = {}
    member: type
    for member in base.__subclasses__():
        found |= {member.__name__: member} | _members(member)
    return found


@functools.cache
def _field_types(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _unfit(where: str, value: object, expected: str) -> RecordError:
    return RecordError(f"invalid {where} {str(value)[:60]!r}: expected {expected}")
