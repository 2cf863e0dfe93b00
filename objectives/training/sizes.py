"""Refuses a network that this machine's memory cannot hold: from its shapes, before that memory is taken.

Such a training would end with the death of its worker, and of what else runs on the machine.
"""

from __future__ import annotations

import math
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import psutil

from objectives.messages import TrainingFailure
from objectives.training.failures import TrainingError
from spaces.recipe import Recipe

_bytes = 4
"""Of a float32 number."""
_limit = Path("/sys/fs/cgroup/memory.max")
_unseen = 0.05
"""Weights that need less than this part of the memory are allocated before all of them are counted."""


class _IsLarge(Exception):  # noqa: N818 - not an error: it is counted then
    """A network may be too large."""


def built_within_memory(recipe: Recipe, build: Callable[[], keras.Model], *, reset: Callable[[], None]) -> keras.Model:
    """Return the network that `build` makes of a recipe, unless its weights do not fit into memory.

    Where the network is large, `build` is called again after `reset`, first for its shapes alone.

    Raises:
        TrainingError: it is too large.
    """
    most = memory_bytes()
    try:
        with _counted(recipe, most * _unseen, _IsLarge):
            return build()
    except _IsLarge:
        pass
    reset()
    try:
        with (
            keras.StatelessScope(initialize_variables=False),
            _counted(recipe, most, lambda needed: _too_large("weights", needed, most)),
        ):
            build()
    finally:
        reset()  # else Keras would allocate these weights later
    return build()


@contextmanager
def _counted(recipe: Recipe, most: float, error: Callable[[int], Exception]) -> Iterator[None]:
    """Raise the error at the first weights of a network that do not fit beside those made before.

    A weight that is trained needs its gradient too, and most optimizers keep one or two averages of that.

    `add_weight` is replaced meanwhile, since Keras has no hook there: a `keras.StatelessScope` alone has the shapes of
    a network only once all of it is built, which a network of too many layers never is, and would build each network
    twice. Other threads, such as a notebook's own, are passed through.
    """
    needed = 0
    thread = threading.get_ident()
    numbers = {"sgd": 2, "rmsprop": 3}.get(recipe.fit.optimizer, 4)
    add_weight = keras.Layer.add_weight

    def counted(layer: keras.Layer, shape: Any = None, *arguments: Any, **options: Any) -> Any:
        nonlocal needed
        if threading.get_ident() != thread:
            return add_weight(layer, shape, *arguments, **options)
        sides = (shape,) if isinstance(shape, int) else tuple(shape or ())
        needed += math.prod(sides) * _bytes * (numbers if options.get("trainable", True) else 1)
        if needed > most:
            raise error(needed)
        return add_weight(layer, shape, *arguments, **options)

    keras.Layer.add_weight = counted
    try:
        yield
    finally:
        keras.Layer.add_weight = add_weight


def check_outputs(network: keras.Model, *, images: int) -> None:
    """Raise `TrainingError` where a single layer's output for a batch of `images` images is larger than the memory."""
    most = memory_bytes()
    for layer in network.layers:
        for output in keras.tree.flatten(layer.output):
            needed = math.prod(side or 1 for side in output.shape[1:]) * images * _bytes
            if needed > most:
                raise _too_large(f"output of layer '{layer.name}' for one batch", needed, most)


def memory_bytes() -> int:
    """Return the memory of this machine, or the part of it that a container or this process may use."""
    total = psutil.virtual_memory().total
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:  # such as by a batch system
        total = min(total, most)
    try:
        return min(total, int(_limit.read_text()))
    except (OSError, ValueError):  # no limit, or another system
        return int(total)


def _too_large(what: str, needed: int, most: int) -> TrainingError:
    message = f"network is too large: its {what} would need {_gib(needed)}, and this machine has {_gib(most)} of memory"
    return TrainingError(TrainingFailure(cause="invalid", message=message))


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"
