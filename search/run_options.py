"""The options of a run as keywords of a Python call; their table: `search.settings`."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict


class RunOptions(TypedDict, total=False):
    """The options that one source (command line, environment, file, Python call) sets; others are absent.

    Durations are seconds, or text such as "1h30m".
    """

    space: str | Path
    data: str | Path
    backbone: str | Path
    train_images: int
    image_size: int
    resize: str
    skip_bad: bool
    pixel_range: str | tuple[float, float]
    parts: str | list[str] | tuple[str, ...]
    allow: str | list[str] | tuple[str, ...]
    study: str
    epochs: int
    sampler: str
    pruner: str
    metric: str
    enqueue: str | list[str] | tuple[str, ...]
    preset: str
    refit: str
    confirm: int
    seed: int
    trials: int
    timeout: float | str
    until: float
    no_improvement_trials: int
    min_gain: float
    trial_timeout: float | str
    trial_stall: float | str
    workers: int
    device: str
    trials_per_gpu: int
    executor: str
    ray_address: str
    insecure_ray: bool
    cluster_wait: float | str
    storage: str
    storage_wait: float | str
    runs: str | Path
