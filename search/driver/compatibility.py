"""Whether a study can be continued with these settings, this space and these images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.stored.records import RunRecord
from spaces.digest import is_same_source
from spaces.errors import StudyConflictError

BINDING = ("space", "data", "metric", "epochs", "train_images", "image_size", "resize", "seed", "backbone")
"""Settings that trials of one study must share, for their scores to be comparable."""


_most_differences = 4


def check_same(asked: RunRecord, earlier: RunRecord) -> None:
    """Refuse to continue a study with something that would make its scores incomparable.

    Raises:
        StudyConflictError: with a line for each difference.
    """
    if differences := differences_in_words(asked, earlier):
        widened = not differences_in_words(asked, earlier, but=("space",))
        raise other_study(asked.study, differences, may_fork=widened)


def differences_in_words(asked: RunRecord, earlier: RunRecord, *, but: Sequence[str] = ()) -> list[str]:
    """Return a line for each difference that makes the scores of two runs incomparable.

    Args:
        asked: the new run.
        earlier: the one before.
        but: names of `BINDING` that may differ; "space": with its file.
    """
    differences = _other_settings(asked.settings, earlier, but=but)
    if earlier.data.fingerprint != asked.data.fingerprint:
        differences.append(f"  images: {earlier.data.fingerprint[:19]} then, {asked.data.fingerprint[:19]} now")
    if "space" not in but and not is_same_source(asked.space_digest, earlier.space_digest):
        differences.append("  the space's code has changed")
    if earlier.backbone_digest != asked.backbone_digest:
        differences.append("  the backbone's file has changed")
    return differences


def other_study(study: str, differences: Sequence[str], *, may_fork: bool = False) -> StudyConflictError:
    """Return the error that names, in a line each, what differs from how a study was begun."""
    shown = [*differences[:_most_differences]]
    if len(differences) > _most_differences:
        shown[-1] = f"  and {len(differences) - _most_differences + 1} more differences"
    fork = ", or --fork NEW: a new study that begins with its trials, where ranges were only widened"
    return StudyConflictError(
        "\n".join(
            [
                f"study '{study}' was begun with other settings, and its scores would not compare:",
                *shown,
                f"Choose another --study, or the settings of then{fork if may_fork else ''}.",
            ]
        )
    )


def _other_settings(asked: Mapping[str, Any], earlier: RunRecord, *, but: Sequence[str] = ()) -> list[str]:
    return [
        f"  {name}: {earlier.settings.get(name)} then, {asked.get(name)} now"
        for name in BINDING
        if earlier.settings.get(name) != asked.get(name) and name not in but
    ]
