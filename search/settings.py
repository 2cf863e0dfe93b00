"""The options of a run: one table, from which the command line, files, environment and notebook derive.

To add an option, add a field to `RunSettings` and its keyword to `search.run_options.RunOptions`.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Annotated

from objectives.evaluation.metrics import METRICS
from search.algorithms.pruners import PRUNERS
from search.algorithms.samplers import SAMPLERS
from search.option import BEGINNINGS, Option, options_of
from search.presets import PRESETS
from search.worker_kinds import WORKER_KINDS
from spaces.errors import UsageError

RESIZES = {
    "stretch": "scale both sides to fit",
    "crop": "scale, then cut off what is too long",
    "pad": "scale, then add borders",
}
ALLOW = {
    "overlap": "images of one part are also in another, or were training images of the backbone",
    "conflicts": "many images occur with several labels",
}
DEVICES = {"auto": "GPUs where the backend sees some, else processors", "cpu": "processors", "gpu": "GPUs only"}
REFITS = {"auto": "if a benchmark shows that it pays: at present, no", "on": "yes", "off": "no"}
STALL_SECONDS = 600.0
"""Default of `--trial-stall`."""
STORAGE_WAIT_SECONDS = 600.0
"""Default of `--storage-wait`."""
CLUSTER_WAIT_SECONDS = 600.0
"""Default of `--cluster-wait`."""

_samplers = {name: sampler.help for name, sampler in SAMPLERS.items()}
_pruners = {name: pruner.help for name, pruner in PRUNERS.items()}
_presets = {name: preset.help for name, preset in PRESETS.items()}
_worker_kinds = {name: kind.help for name, kind in WORKER_KINDS.items()}
_metrics = {name: f"{metric.title}, to {metric.direction}" for name, metric in METRICS.items()}
_one_each = "one per GPU, else one per core"
_study_name = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The settings of one run, checked; each field is an option."""

    space: Annotated[str, Option("data", "Search this space; `spaces` lists them.", metavar="NAME|FILE")]
    data: Annotated[
        str,  # not from the environment: TAMIZ_DATA is the directory of datasets
        Option(
            "data", "Train on these images.", metavar="NAME|PATH", default_help="the space's", from_environment=False
        ),
    ]
    backbone: Annotated[
        str | None,
        Option("data", "Start from this network: VGG16, VGG16:weights.h5 or model.keras.", metavar="NAME|FILE"),
    ] = None
    train_images: Annotated[int | None, Option("data", "Limit to N images (stratified).", above=0)] = None
    image_size: Annotated[
        int | None,
        Option("data", "Scale images to N by N pixels.", above=0, default_help="as they are; 64 for folders"),
    ] = None
    resize: Annotated[
        str, Option("data", "Scale images of other proportions like this.", metavar="HOW", choices=RESIZES)
    ] = "stretch"
    skip_bad: Annotated[bool, Option("data", "Skip unreadable image files.")] = False
    pixel_range: Annotated[
        tuple[float, float] | None,
        Option("data", "Take these stored values as black and white.", default_help="found from all images"),
    ] = None
    parts: Annotated[
        tuple[str, ...] | None,
        Option(
            "data",
            "Use this folder as this part, train, val or test; repeatable.",
            metavar="PART=FOLDER",
            default_help="by their names",
        ),
    ] = None
    allow: Annotated[
        tuple[str, ...] | None,
        Option("data", "Search although the data have this fault; repeatable.", metavar="FAULT", choices=ALLOW),
    ] = None

    study: Annotated[str, Option("search", "Create or continue this study.", metavar="NAME", default_help="SPACE-DATA")]
    epochs: Annotated[int, Option("search", "Train each trial for N epochs.", above=0)] = 8
    sampler: Annotated[
        str, Option("search", "Choose the next trial by this algorithm.", metavar="NAME", choices=_samplers)
    ] = "tpe"
    pruner: Annotated[
        str, Option("search", "Stop unpromising trials by this rule.", metavar="NAME", choices=_pruners)
    ] = "percentile"
    metric: Annotated[
        str, Option("search", "Search for the best value of this metric.", metavar="NAME", choices=_metrics)
    ] = "val_accuracy"
    enqueue: Annotated[
        tuple[str, ...] | None,
        Option(
            "search",
            "Try these values first, NAME=VALUE,..., or only this baseline or start, or `none`; repeatable.",
            kind=BEGINNINGS,
            default_help="all",
        ),
    ] = None
    preset: Annotated[
        str | None,  # until its first trial has set the number of trials
        Option(
            "search",
            "Set trials, epochs, pruner and refit for a search of about this time.",
            metavar="NAME",
            choices=_presets,
        ),
    ] = None
    refit: Annotated[
        str,
        Option(
            "search",
            "Train the winner once more, on training and validation images.",
            metavar="WHEN",
            choices=REFITS,
            on_resume=True,
        ),
    ] = "auto"
    confirm: Annotated[
        int | None,  # by default 3 at most, as far as that takes 25 % of the search's time
        Option("search", "Train the N best recipes again.", least=0, on_resume=True, default_help="3 or fewer"),
    ] = None
    seed: Annotated[int, Option("search", "Seed all random choices with N.", least=0, most=2**32 - 1)] = 0

    trials: Annotated[int, Option("stopping", "End the study after N trials in total.", above=0, on_resume=True)] = 50
    timeout_seconds: Annotated[
        float | None,
        Option("stopping", "Stop this run after a time such as 90s or 1h30m.", above=0, on_resume=True),
    ] = None
    until: Annotated[float | None, Option("stopping", "End the study once this score is reached.", on_resume=True)] = (
        None
    )
    no_improvement_trials: Annotated[
        int | None,
        Option("stopping", "End the study after N trials without a better score.", above=0, on_resume=True),
    ] = None
    min_gain: Annotated[
        float | None,  # in the metric's unit
        Option("stopping", "End the study once 20 more trials would gain less in mean.", least=0, on_resume=True),
    ] = None
    trial_timeout_seconds: Annotated[
        float | None,  # over all attempts of a trial, also those of earlier runs
        Option("stopping", "Stop a trial that takes longer.", above=0, on_resume=True),
    ] = None
    trial_stall_seconds: Annotated[
        float,  # or ten times the longest epoch so far, if that is more
        Option("stopping", "Treat a trial without progress for this time as hung.", above=0),
    ] = STALL_SECONDS

    workers: Annotated[
        int | None,
        Option("machines", "Train N trials at a time.", above=0, default_help=_one_each, on_resume=True),
    ] = None
    device: Annotated[
        str, Option("machines", "Train on these devices.", metavar="NAME", choices=DEVICES, on_resume=True)
    ] = "auto"
    trials_per_gpu: Annotated[
        int | None,
        Option(
            "machines", "Train N trials on each GPU at a time.", above=0, default_help="by --workers", on_resume=True
        ),
    ] = None
    executor: Annotated[str, Option("machines", "Train in these processes.", metavar="NAME", choices=_worker_kinds)] = (
        "ray"
    )
    ray_address: Annotated[
        str | None,
        Option("machines", "Train on this running Ray cluster.", metavar="ADDRESS", default_help="a local one"),
    ] = None
    insecure_ray: Annotated[
        bool, Option("machines", "Start Ray even where the environment disables its authentication.")
    ] = False
    cluster_wait_seconds: Annotated[
        float, Option("machines", "Wait this long for a cluster without workers.", least=0)
    ] = CLUSTER_WAIT_SECONDS
    storage: Annotated[
        str | None,  # kept without a password, see `search.storage.url`
        Option(
            "machines",
            "Keep the study in this database.",
            metavar="URL|env:NAME|file:PATH",
            on_resume=True,
            default_help="a file",
        ),
    ] = None
    storage_wait_seconds: Annotated[
        float, Option("machines", "Wait this long for an unavailable database or a full disk.", least=0)
    ] = STORAGE_WAIT_SECONDS

    runs: Annotated[str, Option("output", "Keep the folders of studies in DIR.", metavar="DIR", on_resume=True)] = (
        "runs"
    )

    def __post_init__(self) -> None:
        for option in OPTIONS.values():
            option.check(getattr(self, option.field))
        if not _study_name.fullmatch(self.study) or set(self.study) == {"."}:
            raise UsageError(
                f"invalid --study {self.study!r}: expected 1 to 100 letters, digits, dots, dashes and underscores, "
                "the first of them not a dash"
            )
        self._check_scores()

    def _check_scores(self) -> None:
        """Refuse a score that no trial can reach, a gain that none can have, or what is not a number."""
        metric = METRICS[self.metric]
        if self.min_gain is not None and metric.is_fraction and self.min_gain > 1.0:
            raise UsageError(f"invalid --min-gain '{self.min_gain:g}': expected 0 to 1, such as 0.002")
        if self.until is not None and (not self.until >= 0.0 or (metric.is_fraction and self.until > 1.0)):
            expected = "0 to 1, such as 0.95" if metric.is_fraction else "0 or more"
            raise UsageError(f"invalid --until '{self.until:g}': expected {expected}, the range of {self.metric}")


OPTIONS = options_of(RunSettings)
"""Every option of a run by name, in the order of `run --help`."""


def command_for(settings: RunSettings) -> str:
    """Return the command line that repeats a run; it holds no secrets."""
    words = ["python", "-m", "search", "run"]
    for option in OPTIONS.values():
        value = getattr(settings, option.field)
        # The seed and the number of trials are written even where they are the defaults, which may change.
        if value is not None and (value != option.default or option.name in ("seed", "trials")):
            words += option.words(value)
    return shlex.join(words)


def resume_command(study: str, runs: str) -> str:
    """Return the command that continues a study."""
    return f"python -m search resume {study}{_in_runs(runs)}"


def run_command(study: str, runs: str) -> str:
    """Return the beginning of a command that continues a study with other options."""
    return f"python -m search run --study {study}{_in_runs(runs)}"


def _in_runs(runs: str) -> str:
    return "" if runs == "runs" else f" --runs {shlex.quote(runs)}"
