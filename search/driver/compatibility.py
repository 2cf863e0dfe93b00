"""Whether a study can be continued with given settings, space and images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.stored.records import RunRecord
from spaces.digest import is_same_source
from spaces.errors import StudyConflictError

BINDING = ("space", "data", "metric", "epochs", "train_images", "image_size", "resize", "seed", "backbone")
"""Settings that trials of one study must share, for their scores to be comparable."""


_most_differences = 4


def check_same(new: RunRecord, earlier: RunRecord) -> None:
    """Refuse to continue a study in a way that makes its scores incomparable.

    Raises:
        StudyConflictError: with a line for each difference.
    """
    if differences := describe_differences(new, earlier):
        # A fork can only bridge a changed space; see search.driver.fork.
        widened = not describe_differences(new, earlier, but=("space",))
        raise other_study(new.study, differences, may_fork=widened)


def describe_differences(new: RunRecord, earlier: RunRecord, *, but: Sequence[str] = ()) -> list[str]:
    """Return a line for each difference that makes the scores of two runs incomparable.

    Args:
        new: the new run.
        earlier: the study's first run.
        but: names of `BINDING` that may differ; "space" includes its file.
    """
    differences = _other_settings(new.settings, earlier, but=but)
    if earlier.data.fingerprint != new.data.fingerprint:
        differences.append(f"  images: {earlier.data.fingerprint[:19]} then, {new.data.fingerprint[:19]} now")
    if "space" not in but and not is_same_source(new.space_digest, earlier.space_digest):
        differences.append("  the space's code has changed")
    if earlier.backbone_digest != new.backbone_digest:
        differences.append("  the backbone's file has changed")
    if earlier.corrects_averages != new.corrects_averages:  # of a study to fork; one that continues keeps its own
        differences.append("  running averages of batch norm are corrected now, which changes scores")
    return differences


def other_study(study: str, differences: Sequence[str], *, may_fork: bool = False) -> StudyConflictError:
    """Return the error that lists the differences, one line each."""
    shown = [*differences[:_most_differences]]
    if len(differences) > _most_differences:
        shown[-1] = f"  and {len(differences) - _most_differences + 1} more differences"
    fork = ", or --fork NEW: a new study that starts with its trials, where ranges were only widened"
    return StudyConflictError(
        "\n".join(
            [
                f"study '{study}' was created with different settings; scores are not comparable:",
                *shown,
                f"Choose another --study, or use the earlier settings{fork if may_fork else ''}.",
            ]
        )
    )


def _other_settings(new: Mapping[str, Any], earlier: RunRecord, *, but: Sequence[str] = ()) -> list[str]:
    return [
        f"  {name}: {earlier.settings.get(name)} then, {new.get(name)} now"
        for name in BINDING
        if earlier.settings.get(name) != new.get(name) and name not in but
    ]
