"""Records become JSON values and come back, or end in one error that names the place."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.errors import RecordError
from spaces.records import Family, from_plain, to_plain


@dataclass(frozen=True, kw_only=True)
class Shape(Family):
    pass


@dataclass(frozen=True, kw_only=True)
class Circle(Shape):
    radius: float


@dataclass(frozen=True, kw_only=True)
class Square(Shape):
    side: int = 1


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True)
class Drawing:
    name: str
    shapes: tuple[Shape, ...]
    corner: tuple[int, int] = (0, 0)
    scale: float | None = None
    kind: Literal["plan", "sketch"] = "plan"
    colour: Colour = Colour.RED
    counts: Mapping[str, int] | None = None


drawings = st.builds(
    Drawing,
    name=st.text(),
    shapes=st.lists(
        st.builds(Circle, radius=st.floats(allow_nan=False, allow_infinity=False))
        | st.builds(Square, side=st.integers())
    ).map(tuple),
    corner=st.tuples(st.integers(), st.integers()),
    scale=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    kind=st.sampled_from(["plan", "sketch"]),
    colour=st.sampled_from(Colour),
    counts=st.none() | st.dictionaries(st.text(), st.integers()),
)

PLAIN = {"name": "a", "shapes": [{"type": "Circle", "radius": 1.5}]}


@given(drawings)
def test_a_record_survives_json(drawing: Drawing) -> None:
    assert from_plain(Drawing, json.loads(json.dumps(to_plain(drawing))), where="drawing") == drawing


def test_an_enum_is_stored_as_its_value_and_read_as_its_member() -> None:
    plain = to_plain(Drawing(name="a", shapes=(), colour=Colour.BLUE))

    assert (type(plain["colour"]), type(from_plain(Drawing, plain, where="drawing").colour)) == (str, Colour)


def test_defaults_may_be_left_out() -> None:
    assert from_plain(Drawing, PLAIN, where="drawing") == Drawing(name="a", shapes=(Circle(radius=1.5),))


def test_a_whole_number_is_a_float_too() -> None:
    assert from_plain(Circle, {"type": "Circle", "radius": 2}, where="circle").radius == 2.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_becomes_none(value: float) -> None:
    assert to_plain({"score": value}) == {"score": None}


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ([], "invalid drawing .*: expected an object"),
        ({"name": "a"}, "drawing: 'shapes' is missing"),
        (PLAIN | {"size": 1}, "drawing: unknown key 'size': expected name, shapes, corner"),
        (PLAIN | {"name": 3}, "invalid drawing.name '3': expected a value of type str"),
        (PLAIN | {"name": None}, "invalid drawing.name 'None'"),
        (PLAIN | {"corner": [1]}, "invalid drawing.corner .*: expected a list of 2"),
        (PLAIN | {"corner": [1, True]}, r"invalid drawing\.corner\[1\] 'True': expected a value of type int"),
        (PLAIN | {"corner": [1, 2.0]}, r"invalid drawing\.corner\[1\] '2.0': expected a value of type int"),
        (PLAIN | {"kind": "photo"}, "invalid drawing.kind 'photo': expected 'plan' or 'sketch'"),
        (PLAIN | {"colour": "green"}, "invalid drawing.colour 'green': expected 'red' or 'blue'"),
        (PLAIN | {"colour": ["red"]}, "invalid drawing.colour .*: expected 'red' or 'blue'"),
        (PLAIN | {"counts": {"a": "1"}}, "invalid drawing.counts.a '1': expected a value of type int"),
        (PLAIN | {"scale": "2"}, "invalid drawing.scale '2': expected a value of type float"),
        (
            PLAIN | {"shapes": [{"radius": 1.0}]},
            r"\.shapes\[0\]\.type 'None': expected Circle or Square",
        ),
        (PLAIN | {"shapes": [{"type": "Star"}]}, r"invalid drawing\.shapes\[0\]\.type 'Star'"),
        (PLAIN | {"shapes": [{"type": "Circle"}]}, r"drawing\.shapes\[0\]: 'radius' is missing"),
    ],
)
def test_what_does_not_fit_is_named(plain: object, said: str) -> None:
    with pytest.raises(RecordError, match=said):
        from_plain(Drawing, plain, where="drawing")


def test_only_plain_values_can_be_stored() -> None:
    with pytest.raises(RecordError, match="a set can't be stored"):
        to_plain({"a": {1}})
