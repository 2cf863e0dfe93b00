"""A frozen network's features computed once against the same network recomputed in every epoch.

    python -m benchmarks.transfer [--case vgg16] [--repeats 3] [--images 240] [--epochs 3]

Each repeat trains the same recipe with the same seed three times: on features that are not there yet, on
features found, and end to end. Weights and pixels are random, which costs the same as real ones. Processor
seconds stand beside wall seconds: they tell the same where the machine is shared. The long form, of 10
epochs of 1,500 images: `--images 1500 --epochs 10`. Needs one free core.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from objectives.devices import prepare
from objectives.messages import Examples, Objective, StudyData
from spaces.backbones import Backbone
from spaces.recipe import Fit, Recipe
from spaces.transfer import Head, Transfer

VGG16 = Transfer(
    backbone=Backbone(name="VGG16", weights="none"),
    cut="block5_pool",
    side=32,
    head=Head(summary="flatten", dense_units=256, dropout=0.5),
)
MIXED7 = Transfer(
    backbone=Backbone(name="InceptionV3", weights="none"),
    cut="mixed7",
    side=150,
    head=Head(summary="flatten", dense_units=1024, dropout=0.2),
)
CASES = {
    "vgg16": VGG16,
    "mixed7_flatten": MIXED7,
    "mixed7_average": replace(MIXED7, head=replace(MIXED7.head, summary="average")),
}
STUDY_TRIALS = 16


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What one training took."""

    building_seconds: float
    """With the features, where they were not there yet."""
    epochs_seconds: float
    """All epochs, validation included."""
    epochs_processor_seconds: float
    epoch_processor_seconds: float
    """Mean of the epochs after the first, in which the backend compiles."""


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """The same training in three ways."""

    first: Trial
    """Computes the features."""
    later: Trial
    """Finds them."""
    direct: Trial
    """Computes them in each epoch."""

    @property
    def epochs_ratio(self) -> float:
        """How many times less the epochs of a later trial take."""
        return self.direct.epochs_seconds / self.later.epochs_seconds

    @property
    def processor_ratio(self) -> float:
        """The same in processor seconds."""
        return self.direct.epochs_processor_seconds / self.later.epochs_processor_seconds

    @property
    def epoch_ratio(self) -> float:
        """How many times less an epoch after the first takes, in processor seconds."""
        return self.direct.epoch_processor_seconds / self.later.epoch_processor_seconds

    @property
    def study_ratio(self) -> float:
        """How many times less a study of 16 trials takes, building included."""
        first, later, direct = (t.building_seconds + t.epochs_seconds for t in (self.first, self.later, self.direct))
        return STUDY_TRIALS * direct / (first + (STUDY_TRIALS - 1) * later)


def main() -> None:
    """Measure, and print a table and one JSON object."""
    arguments = _arguments()
    prepare(threads=1, gpu=False)
    recipe = Recipe(network=CASES[arguments.case], fit=Fit(learning_rate=1e-4, batch_size=32), pixels="raw")
    repeats = [_repeat(recipe, arguments.images, arguments.epochs, seed) for seed in range(arguments.repeats)]
    print(
        f"{arguments.case}, {arguments.images} images of 32x32, a fifth of them to validate, {arguments.epochs} epochs"
    )
    print(
        f"{'repeat':>6}  {'features s':>10}  {'cached epochs s':>15}  {'direct epochs s':>15}  "
        f"{'ratio':>6}  {'later epochs':>12}"
    )
    for number, one in enumerate(repeats, start=1):
        print(
            f"{number:6}  {one.first.building_seconds:10.2f}  {one.later.epochs_seconds:15.2f}  "
            f"{one.direct.epochs_seconds:15.2f}  {one.epochs_ratio:6.1f}  {one.epoch_ratio:12.1f}"
        )
    result = {
        "case": arguments.case,
        "images": arguments.images,
        "epochs": arguments.epochs,
        "epochs_ratio": _summary([one.epochs_ratio for one in repeats]),
        "epochs_processor_ratio": _summary([one.processor_ratio for one in repeats]),
        "later_epoch_processor_ratio": _summary([one.epoch_ratio for one in repeats]),
        "study_of_16_ratio": _summary([one.study_ratio for one in repeats]),
        "repeats": [asdict(one) for one in repeats],
    }
    print(json.dumps(result))


def _repeat(recipe: Recipe, images: int, epochs: int, seed: int) -> Repeat:
    shared = _data(images, seed)
    apart = replace(shared.validation, images=shared.validation.images[:])  # another array: nothing is shared then
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TAMIZ_CACHE"] = folder
        return Repeat(
            first=_trial(recipe, shared, epochs),
            later=_trial(recipe, shared, epochs),
            direct=_trial(recipe, replace(shared, validation=apart), epochs),
        )


def _trial(recipe: Recipe, data: StudyData, epochs: int) -> Trial:
    from objectives.training.training import Training

    training = Training(recipe=recipe, data=data, objective=Objective(metric="val_loss", epochs=epochs), seed=0)
    clock = [time.process_time()]
    for _ in range(epochs):
        training.advance()
        clock.append(time.process_time())
    result = training.finish(keep_model=False)
    return Trial(
        building_seconds=result.seconds_building,
        epochs_seconds=result.seconds_training,
        epochs_processor_seconds=clock[-1] - clock[0],
        epoch_processor_seconds=(clock[-1] - clock[1]) / (epochs - 1),
    )


def _data(count: int, seed: int) -> StudyData:
    drawn = np.random.default_rng(seed)
    images = drawn.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(count, dtype=np.int32) % 10
    rows = np.arange(count, dtype=np.int32)
    fifth = count // 5
    return StudyData(
        train=Examples(images=images, labels=labels, indices=rows[fifth:]),
        validation=Examples(images=images, labels=labels, indices=rows[:fifth]),
        test=None,
        classes=tuple("0123456789"),
    )


def _summary(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--case", choices=sorted(CASES), default="vgg16")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--images", type=int, default=240)
    parser.add_argument("--epochs", type=int, default=3, help="2 or more")
    return parser.parse_args()


if __name__ == "__main__":
    main()
