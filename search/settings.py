"""The settings of one run, checked where they are made."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, fields

from objectives.evaluation.metrics import METRICS
from search.algorithms.pruners import PRUNERS
from search.algorithms.samplers import SAMPLERS
from search.worker_kinds import WORKER_KINDS
from spaces.errors import UnknownNameError, UsageError

RESIZES = ("stretch", "crop", "pad")
STALL_SECONDS = 600.0
"""The least silence that is taken for a hung training."""
STORAGE_WAIT_SECONDS = 600.0
"""How long to wait by default for a database that is unavailable."""
CLUSTER_WAIT_SECONDS = 600.0
"""How long to wait by default for a cluster without workers."""

_study_name = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Everything that a person may choose about a run, resolved from flags, environment and file."""

    space: str
    """Name of a space of ours, a path to a file, or a dotted module."""
    study: str
    """Name of the study, which is also the name of its folder under `runs`."""
    data: str
    """Name of a dataset, or a path."""
    backbone: str | None = None
    """What a space of pretrained networks starts from (see `spaces.backbones.find_backbones`); None: ImageNet."""
    trials: int
    """Total of the study, earlier runs included."""
    timeout_seconds: float | None = None
    trial_timeout_seconds: float | None = None
    """A training that takes longer, over all its attempts and resumptions, is stopped; None: no limit."""
    trial_stall_seconds: float = STALL_SECONDS
    """A training that reports nothing for so long, and for ten times the longest epoch so far, is taken for hung."""
    storage_wait_seconds: float = STORAGE_WAIT_SECONDS
    """How long to wait for the study's database when it is unavailable; trials stay in the run folder meanwhile."""
    cluster_wait_seconds: float = CLUSTER_WAIT_SECONDS
    """How long to wait while a Ray cluster has no worker for this search, beyond what starting one takes."""
    epochs: int = 8
    train_images: int | None = None
    """Use only so many training and validation images, a stratified subset; None: all."""
    image_size: int | None = None
    """Side in pixels to which images are brought; None: native for datasets, 64 for folders."""
    resize: str = "stretch"
    """How an image of other proportions is brought to `image_size`: one of `RESIZES`."""
    workers: int | None = None
    """None: one a GPU, or else one a core, as memory allows."""
    runs: str = "runs"
    storage: str | None = None
    """Where the study's database is, without a password: a URL, "env:NAME" or "file:PATH"
    (see `search.storage.url`); None: SQLite in the run folder."""
    seed: int = 0
    sampler: str = "tpe"
    pruner: str = "percentile"
    metric: str = "val_accuracy"
    until: float | None = None
    """Stop when a trial's score is this good."""
    executor: str = "ray"
    ray_address: str | None = None
    """Address of a running Ray cluster; None: a local one for this run."""
    insecure_ray: bool = False
    """Start a local cluster even where the environment switches its authentication off."""
    enqueue: str | None = None
    """Which of the space's baselines and starts are tried first, with commas between; "none"; None: all."""
    skip_bad: bool = False
    """Leave out files that are no readable images, and count them."""

    def __post_init__(self) -> None:
        _known("sampler", self.sampler, SAMPLERS)
        _known("pruner", self.pruner, PRUNERS)
        _known("metric", self.metric, METRICS)
        _known("executor", self.executor, WORKER_KINDS)
        _known("resize", self.resize, RESIZES)
        for option in (
            "trials",
            "epochs",
            "train_images",
            "image_size",
            "workers",
            "timeout_seconds",
            "trial_timeout_seconds",
            "trial_stall_seconds",
        ):
            came = getattr(self, option)
            if came is not None and not came > 0:
                raise UsageError(
                    f"--{option.removesuffix('_seconds').replace('_', '-')} is {came}; accepted: more than 0"
                )
        for option in ("storage_wait", "cluster_wait"):
            if not (came := getattr(self, f"{option}_seconds")) >= 0:
                raise UsageError(f"--{option.replace('_', '-')} is {came}; accepted: 0s or more")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed is {self.seed}; accepted: 0 to {2**32 - 1}")
        if not _study_name.fullmatch(self.study) or set(self.study) == {"."}:
            raise UsageError(
                f"--study is {self.study!r}; accepted: 1 to 100 letters, digits, dots, dashes and underscores, "
                "since it also names a folder"
            )


def _known(option: str, came: str, accepted: Iterable[str]) -> None:
    if came not in accepted:
        raise UnknownNameError(option, came, accepted, plural=f"{option}s")


def command_for(settings: RunSettings) -> str:
    """Return the command line that repeats a run; it holds no secrets."""
    words = ["python", "-m", "search", "run"]
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value is None or (value == field.default and field.name != "seed") or value is False:
            continue
        words.append(f"--{field.name.removesuffix('_seconds').replace('_', '-')}")
        if value is not True:
            words.append(f"{value:g}s" if field.name.endswith("_seconds") else str(value))
    return shlex.join(words)


def resume_command(study: str, runs: str) -> str:
    """Return the command that continues a study."""
    return f"python -m search resume {study}" + _runs_option(runs)


def _runs_option(runs: str) -> str:
    return "" if runs == "runs" else f" --runs {shlex.quote(runs)}"
