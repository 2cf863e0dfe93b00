"""What a space is given to choose with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

from spaces.backbones import OURS, Backbones
from spaces.errors import SpaceError
from spaces.recipe import ImageShape
from spaces.records import is_numpy_scalar

Choice = TypeVar("Choice", bound=bool | int | float | str | None)


def plain(value: Any) -> Any:
    """Return a scalar of NumPy as the Python value that it is, anything else as it came."""
    return value.item() if is_numpy_scalar(value) else value


def plain_choices(name: str, choices: Iterable[Choice]) -> list[Choice]:
    """Return choices without NumPy's types, which a study could not store.

    Raises:
        SpaceError: there are none, or one is not text, a number, True, False or None.
    """
    found = [plain(choice) for choice in choices]
    if not found or not all(choice is None or isinstance(choice, bool | int | float | str) for choice in found):
        raise SpaceError(
            f"parameter '{name}' has the choices {found!r}: expected one or more of text, numbers, True, False and None"
        )
    return found


class Chooser(Protocol):
    """What chooses values: an Optuna trial, or another `Suggest`."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Choose a whole number from `low` to `high`, both included."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Choose a number from `low` to `high`, both included."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Choose one of `choices`."""


class Suggest(Chooser, Protocol):
    """One trial, as a space sees it: Optuna's suggest calls, and the data that the search is about.

    Bounds may depend on `images` and `classes`, which are the same in all trials of a study, but
    not on other parameters: the sampler then learns one range for each parameter.
    """

    @property
    def images(self) -> ImageShape:
        """Shape of one image."""

    @property
    def classes(self) -> int:
        """How many classes there are, 2 or more."""

    @property
    def backbones(self) -> Backbones:
        """Pretrained networks to start from: those of `--backbone`, else all of `spaces.backbones.OURS`."""

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Choice:
        """Choose one of `choices`."""


class TrialSuggest:
    """A `Suggest` that forwards each choice to a trial."""

    def __init__(self, trial: Chooser, *, images: ImageShape, classes: int, backbones: Backbones = OURS) -> None:
        """Forward to `trial`, in a study of images of that shape in `classes` classes."""
        self._trial = trial
        self._backbones = backbones
        self.images = images
        self.classes = classes

    @property
    def backbones(self) -> Backbones:
        """Pretrained networks to start from."""
        return self._backbones

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Choose a whole number from `low` to `high`, both included."""
        return self._trial.suggest_int(name, low, high, step=step, log=log)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Choose a number from `low` to `high`, both included."""
        return self._trial.suggest_float(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Choice:
        """Choose one of `choices`."""
        chosen: Choice = self._trial.suggest_categorical(name, plain_choices(name, choices))
        return chosen
