"""A trial as a plain Keras script that rebuilds and retrains it: without Tamiz or Optuna."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from objectives.data.folders.given import read_parts
from objectives.evaluation.metrics import METRICS
from reports.export.keras_layers import layer_lines
from reports.stored.records import RunRecord, TrialRecord
from spaces.errors import UsageError
from spaces.recipe import Augment, Fit, ImageShape, Recipe

_sides = {"digits": 8, "mnist": 28, "fashion_mnist": 28, "cifar10": 32, "cifar100": 32}
"""Data that a script can get by itself, from scikit-learn or Keras, with the side of its images in pixels."""
_pixel_lines = {
    "unit": ("x = layers.Rescaling(1 / 255)(x)",),
    "symmetric": ("x = layers.Rescaling(1 / 127.5, offset=-1.0)(x)",),
    "raw": (),
}
_falls = {
    "constant": "",
    "cosine": ", then falls along half a cosine",
    "one_cycle": ", then falls linearly",
    "step": ", then falls in steps",
}
_line_characters = 100
_eight_bits = ("8 bits", "whole numbers")


def keras_script(run: RunRecord, trial: TrialRecord, recipe: Recipe, *, network_json: str | None = None) -> str:
    """Return a script that trains a trial's network from the same images as the search, with Keras alone.

    It makes the same split and keeps the best epoch, as the search does; augmentation is by Keras' own
    layers, so its score agrees within noise, not digit by digit.

    Args:
        run: the study that the trial belongs to.
        trial: one with a score.
        recipe: the trial's.
        network_json: Keras' JSON of the whole network, used where `layer_lines` has no words for its type.

    Raises:
        UsageError: the trial has no score, or there are neither words nor JSON for its network.
    """
    if trial.score is None:
        raise UsageError(f"trial {trial.trial} has no score: {trial.message or 'it ended early'}; choose another")
    images = ImageShape(height=run.data.height, width=run.data.width, channels=run.data.channels)
    lines = layer_lines(recipe.network, images)
    if lines is None and network_json is None and not recipe.network.starts_pretrained:
        raise UsageError(f"a {type(recipe.network).__name__} can't be written as a script without its Keras model")
    source = run.data.name if run.settings.get("data") == run.data.name and run.data.name in _sides else None
    metric = METRICS[run.metric]
    needs_pillow = source is None or _sides[source] != images.height or images.height != images.width
    return _template().render(
        run=run,
        study=re.sub(r"[^\w.-]", "?", run.study),
        trial=trial,
        recipe=recipe,
        images=images,
        classes=_listed(run.data.classes),
        source=source,
        is_path=source is None,
        ranges=_ranges(run.data.pixel_ranges) if source is None else None,
        parts=_parts(run.settings.get("parts")),
        may_lack_test=source is None or source == "digits",
        needs_pillow=needs_pillow,
        needs_sklearn=source == "digits" or metric.script_import is not None,
        resize=run.settings.get("resize", "stretch"),
        run_seed=run.seed_of_split,
        train_images=_whole(run.settings.get("train_images"), or_else=0),
        network_lines=None if lines is None else (*_pixel_lines[recipe.pixels], *lines),
        network_json=_pieces(network_json) if lines is None and network_json is not None else None,
        starts_pretrained=recipe.network.starts_pretrained,
        augment=recipe.augment,
        changes=tuple(_changes(recipe.augment)),
        has_shares=recipe.fit.label_smoothing > 0 or recipe.augment.mixup > 0,
        smoothing=f"label_smoothing={_number(recipe.fit.label_smoothing)}" if recipe.fit.label_smoothing else "",
        class_weight=", class_weight=class_weight" if recipe.fit.class_weights != "none" else "",
        has_schedule=recipe.fit.has_schedule,
        falls=_falls[recipe.fit.schedule],
        rising=recipe.fit.rise,
        optimizer=_optimizer(recipe.fit),
        metric=metric,
        corrects_averages=run.corrects_averages and getattr(recipe.network, "batch_norm", True),
    )


def _ranges(ranges: Mapping[str, tuple[float, float]]) -> str | None:
    """Return the pixel ranges as Python, or None where all images are of 8 bits that mean what they say."""
    usual = all(storage in _eight_bits and used == (0, 255) for storage, used in ranges.items() if storage != "1 bit")
    if usual:
        return None
    return "{" + ", ".join(f'"{storage}": ({low:g}, {high:g})' for storage, (low, high) in ranges.items()) + "}"


def _parts(given: Sequence[str] | None) -> str | None:
    """Return the part of each folder as Python, or None where --parts was not given."""
    return json.dumps(dict(read_parts(given)), ensure_ascii=False) if given else None


def _changes(augment: Augment) -> Iterator[str]:
    """Yield Keras' own layers that change images of pixels 0 to 255 as the search did, one change each."""
    fill = f'fill_mode="{augment.fill}"'
    if augment.flip_horizontal or augment.flip_vertical:
        ways = [way for way in ("horizontal", "vertical") if getattr(augment, f"flip_{way}")]
        yield f'RandomFlip("{"_and_".join(ways)}")'
    if augment.shift:
        largest = f"{_number(augment.shift)}, {_number(augment.shift)}"
        yield f'RandomTranslation({largest}, {fill}, interpolation="nearest")'  # by whole pixels
    if augment.rotation_degrees:
        yield f"RandomRotation({_number(augment.rotation_degrees)} / 360, {fill})"
    if augment.zoom:
        yield f"RandomZoom({_number(augment.zoom)}, {fill})"
    if augment.shear:
        yield f"RandomShear(x_factor={_number(augment.shear)}, {fill})"
    if augment.contrast:
        yield f"RandomContrast({_number(augment.contrast)}, value_range=(0, 255))"
    if augment.brightness:
        yield f"RandomBrightness({_number(augment.brightness)}, value_range=(0, 255))"
    if augment.cutout:
        area = _number(augment.cutout**2)
        yield f"RandomErasing(factor=1.0, scale=({area}, {area}), fill_value=127.5, value_range=(0, 255))"


def _optimizer(fit: Fit) -> str:
    rate = "rate" if fit.has_schedule else _number(fit.learning_rate)
    kind = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}[fit.optimizer]
    if kind == "AdamW" and not fit.weight_decay:
        kind = "Adam"  # the same, and accepted by Keras
    has_momentum = fit.optimizer == "sgd" and fit.momentum > 0
    momentum = f", momentum={_number(fit.momentum)}, nesterov=True" if has_momentum else ""
    decay = f", weight_decay={_number(fit.weight_decay)}" if fit.weight_decay else ""
    return f"{kind}({rate}{momentum}{decay})"


def _number(value: float) -> str:
    return f"{value:.10g}"


def _listed(classes: tuple[str, ...]) -> str:
    """Return a list of names as Python, in lines of a readable length."""
    names = [_quoted(name) for name in classes]
    whole = f"[{', '.join(names)}]"
    if len(whole) <= _line_characters:
        return whole
    return "[\n" + "".join(f"    {name},\n" for name in names) + "]"


def _quoted(text: str) -> str:
    is_plain = text.isprintable() and not set(text) & {'"', "\\"}
    return f'"{text}"' if is_plain else repr(text)


def _pieces(text: str) -> tuple[str, ...]:
    return tuple(repr(text[start : start + _line_characters]) for start in range(0, len(text), _line_characters))


def _whole(value: Any, *, or_else: int) -> int:
    return value if isinstance(value, int) else or_else


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parents[1] / "pages" / "templates"),
        autoescape=False,  # Python, not HTML: names of classes are written as literals
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = _number
    return environment.get_template("train.py.jinja")
