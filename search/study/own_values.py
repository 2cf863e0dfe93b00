"""Values of `--enqueue` as complete choices, checked against the space."""

from __future__ import annotations

from collections.abc import Mapping

from spaces.errors import SpaceError, UnknownNameError, UsageError, nearest
from spaces.parameters import FixedSuggest, Parameter, find_parameters
from spaces.recipe import ImageShape
from spaces.space import OwnValues, Parameters, ParameterValue, Space


def own_starts(space: Space, *, images: ImageShape, classes: int) -> dict[str, Parameters]:
    """Return the complete choices of each of the space's own values, by the text that was typed.

    Parameters of the baseline or start that the typed values leave without use are dropped.

    Raises:
        UnknownNameError: the space has no such parameter.
        UsageError: a value is not accepted, a parameter is missing, or has no effect beside the others.
    """
    if not space.own:
        return {}
    if space.repeats is not None:
        raise UsageError(
            f"invalid --enqueue '{next(iter(space.own))}': space '{space.name}' has REPEATS and trains all its "
            "combinations; expected a name, or none"
        )
    known = {one.name: one for one in find_parameters(space, images=images, classes=classes)}
    return {text: _complete(text, own, space, known, images, classes) for text, own in space.own.items()}


def _complete(
    text: str, own: OwnValues, space: Space, known: Mapping[str, Parameter], images: ImageShape, classes: int
) -> Parameters:
    typed: dict[str, ParameterValue] = {}
    for name, value in own.typed.items():
        if name not in known:
            raise UnknownNameError(f"parameter of space '{space.name}' in --enqueue", name, known, plural="parameters")
        typed[name] = _value(text, value, known[name])
    suggest = FixedSuggest({**own.base, **typed}, images=images, classes=classes)
    try:
        space.suggest(suggest)
    except SpaceError as error:
        hint = "; add NAME=VALUE for it" if "is missing" in str(error) else ""
        raise UsageError(f"invalid --enqueue '{text}': {error}{hint}") from None
    for name in typed:
        if name not in suggest.asked:
            when = known[name].when
            values = [f"{other}={' or '.join(map(str, of))}" for other, of in (when or {}).items()]
            needs = f"; it needs {' and '.join(values)}" if values else ""
            raise UsageError(f"invalid --enqueue '{text}': {name} is not chosen beside the other values{needs}")
    return suggest.chosen


def _value(text: str, value: str, parameter: Parameter) -> ParameterValue:
    """Return a typed value as one that the parameter accepts."""
    choices = {str(choice).lower(): choice for choice in parameter.choices or ()}
    if value.lower() in choices:
        return choices[value.lower()]
    if parameter.choices is None:
        try:
            number = int(value) if parameter.kind == "int" else float(value)
        except ValueError:
            pass
        else:
            if parameter.accepts(number):
                return number
    near = nearest(value, map(str, parameter.choices or ()))
    question = f"\nDid you mean '{near}'?" if near else ""
    name = parameter.name
    raise UsageError(f"invalid {name} '{value}' in --enqueue '{text}': expected {parameter.described}{question}")
