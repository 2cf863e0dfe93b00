"""Plain convolutional networks for small images.

Stages of convolutions and a pooling, whose filters double from stage to stage, after the VGG family
(Simonyan and Zisserman 2015), with the usual ways of training.
Baseline `cifar_notebook_2021`: 3 stages of 2 convolutions, 32-64-128 filters, Adam, batch 80.
Baseline `cifar_small`: 32-64-64 filters without padding, a dense layer of 64, Adam, batch 64;
`cifar_small_augmented` adds flips, shifts and rotations.
Starts `norm_one_cycle` and `norm_one_cycle_augmented`: the notebook's network with batch norm (Ioffe and Szegedy 2015)
and a rate that rises and falls once (Smith and Topin 2019), for a few epochs and for many.
Start `early_pool_one_cycle`: 64-128-256 filters, pooled before each stage's last convolution; shape, rate and smoothed
labels after what trains CIFAR-10 fastest (Page 2018, Jordan 2024).

    python -m search run --space cnn_cifar --trials 50
"""

from __future__ import annotations

from spaces.recipe import Augment, ConvNet, Fit, ImageShape, Recipe, Stage
from spaces.suggest import Suggest

DEFAULT_DATA = "cifar10"

CIFAR_NOTEBOOK_2021 = {
    "stages": 3,
    "convolutions": 2,
    "filters": 32,
    "most_filters": 512,
    "last_pool": True,
    "early_pool": False,
    "first_kernel": 3,
    "padding": "same",
    "activation": "relu",
    "batch_norm": False,
    "pooling": "max",
    "stage_dropout": 0.0,
    "summary": "flatten",
    "dense_units": 0,
    "head_dropout": 0.0,
    "augmentation": "off",
    "augmentation_strength": 1.0,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "constant",
    "warmup": 0.0,
    "weight_decay": 1e-6,
    "label_smoothing": 0.0,
    "batch_size": 80,
}
CIFAR_SMALL = CIFAR_NOTEBOOK_2021 | {
    "convolutions": 1,
    "most_filters": 64,
    "last_pool": False,
    "padding": "valid",
    "dense_units": 64,
    "batch_size": 64,
}
BASELINES = {
    "cifar_notebook_2021": CIFAR_NOTEBOOK_2021,
    "cifar_small": CIFAR_SMALL,
    "cifar_small_augmented": CIFAR_SMALL | {"augmentation": "flip_shift_rotation"},
}

NORM_ONE_CYCLE = CIFAR_NOTEBOOK_2021 | {
    "batch_norm": True,
    "optimizer": "adamw",
    "learning_rate": 3e-3,
    "schedule": "one_cycle",
    "weight_decay": 1e-3,
    "batch_size": 64,
}
STARTS = {
    "norm_one_cycle": NORM_ONE_CYCLE,
    "norm_one_cycle_augmented": NORM_ONE_CYCLE
    | {"augmentation": "flip_shift", "augmentation_strength": 0.5, "stage_dropout": 0.1, "summary": "average"},
    "early_pool_one_cycle": NORM_ONE_CYCLE
    | {
        "early_pool": True,
        "summary": "average",
        "augmentation": "flip_shift",
        "augmentation_strength": 0.5,
        "optimizer": "sgd",
        "learning_rate": 5e-3,
        "weight_decay": 1e-2,
        "label_smoothing": 0.1,
    },
}

AUGMENTATIONS = (
    "off",
    "flip",
    "shift",
    "flip_shift",
    "flip_shift_rotation",
    "shift_rotation_zoom",
    "flip_shift_rotation_zoom",
)

SGD_RATE = 10.0
"""Plain gradients need about ten times the rate of adaptive ones; with this one range of rates fits all optimizers."""


def suggest(trial: Suggest) -> Recipe:
    """Choose one network and one way to train it."""
    stages = _stages(trial)
    optimizer = trial.suggest_categorical("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
    learning_rate = trial.suggest_float("learning_rate", 3e-4, 5e-3, log=True)
    weight_decay = trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True)
    augmentation = trial.suggest_categorical("augmentation", AUGMENTATIONS).split("_")
    strength = trial.suggest_float("augmentation_strength", 0.25, 1.0, step=0.25)
    return Recipe(
        network=ConvNet(
            stages=stages,
            kernel=3,
            first_kernel=trial.suggest_categorical("first_kernel", [3, 5]),
            padding=trial.suggest_categorical("padding", ["same", "valid"]),
            activation=trial.suggest_categorical("activation", ["relu", "elu", "gelu", "silu"]),
            batch_norm=trial.suggest_categorical("batch_norm", [True, False]),
            pooling=trial.suggest_categorical("pooling", ["max", "average"]),
            dropout=trial.suggest_float("stage_dropout", 0.0, 0.3, step=0.1),
            summary=trial.suggest_categorical("summary", ["flatten", "average"]),
            dense_units=trial.suggest_categorical("dense_units", [0, 64, 128, 256]),
            dense_dropout=trial.suggest_float("head_dropout", 0.0, 0.5, step=0.1),
        ),
        augment=Augment(
            flip_horizontal="flip" in augmentation,
            shift=0.2 * strength if "shift" in augmentation else 0.0,
            rotation_degrees=20.0 * strength if "rotation" in augmentation else 0.0,
            zoom=0.2 * strength if "zoom" in augmentation else 0.0,
        ),
        fit=Fit(
            optimizer=optimizer,
            learning_rate=learning_rate * SGD_RATE if optimizer == "sgd" else learning_rate,
            schedule=trial.suggest_categorical("schedule", ["constant", "cosine", "one_cycle"]),
            warmup=trial.suggest_float("warmup", 0.0, 0.1, step=0.05),
            weight_decay=0.0 if optimizer == "adam" else weight_decay,  # plain Adam is the one without decay
            label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.1, step=0.05),
            batch_size=trial.suggest_categorical("batch_size", [32, 64, 80, 128]),
        ),
    )


def _stages(trial: Suggest) -> tuple[Stage, ...]:
    stages = trial.suggest_int("stages", fewest_stages(trial.images), most_stages(trial.images))
    convolutions = trial.suggest_int("convolutions", 1, 3)
    filters = trial.suggest_categorical("filters", [16, 24, 32])  # in the first stage; doubles after each
    most_filters = trial.suggest_categorical("most_filters", [64, 128, 256, 512])  # where the doubling ends
    last_pool = trial.suggest_categorical("last_pool", [True, False])  # whether the last stage has its pooling
    early_pool = trial.suggest_categorical("early_pool", [True, False])  # before a stage's last convolution, not after
    is_early = early_pool and convolutions > 1
    found = []
    for n in range(stages):
        width = min(filters * 2 ** (n + is_early), most_filters)  # twice, for what a convolution of fewer pixels saves
        pool = last_pool or n < stages - 1
        found.append(Stage(filters=width, convolutions=convolutions - is_early, pool=pool))
        if is_early:
            found.append(Stage(filters=width, convolutions=1, pool=False))
    return tuple(found)


def fewest_stages(images: ImageShape) -> int:
    """Return the least number of stages, 1 to 3: large images are brought to about 32 pixels before the head."""
    return min(3, max(1, (images.smaller_side // 32).bit_length()))


def most_stages(images: ImageShape) -> int:
    """Return the largest number of stages, 3 (the notebook's) to 5: more would leave no pixel to pool."""
    return max(3, min(5, images.smaller_side.bit_length() - 2))
