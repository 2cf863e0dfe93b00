"""Whether a study can be continued with given settings, space and images, or starts over."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
from optuna.trial import TrialState

from reports.stored import layout
from reports.stored.records import RunRecord
from reports.wording import count
from search.results.run_folder import RunFolder
from search.settings import RunSettings, resume_command
from search.storage.database import name_only_study, study_storage
from spaces.backbones import is_same_backbone
from spaces.digest import is_same_source
from spaces.errors import StorageError, StudyConflictError, UsageError

BINDING = ("metric", "epochs", "train_images", "resize", "seed")
"""Settings that trials of one study must share, for their scores to be comparable.

Space, images and backbone must be the same as well, wherever they lie and however they are named.
"""

_most_differences = 4
_of_a_new_study = (
    *(layout.SETTINGS, layout.SPLIT, layout.DATABASE, layout.SPOOL, layout.SUMMARY, layout.REPORT, layout.TRIALS_TABLE),
    *(layout.LOG, layout.WORKERS_LOG, ".lock"),
)


def check_same(new: RunRecord, earlier: RunRecord) -> None:
    """Refuse to continue a study in a way that makes its scores incomparable.

    Raises:
        StudyConflictError: with a line for each difference.
    """
    if differences := describe_differences(new, earlier):
        # A fork can only bridge a changed space; see search.driver.fork.
        widened = not describe_differences(new, earlier, space_may_differ=True)
        typed = (*BINDING, "space", "data", "image_size", "backbone")
        is_typed = any(new.settings.get(name) != earlier.settings.get(name) for name in typed)
        resume = resume_command(new.study, str(new.settings["runs"])) if is_typed else None
        raise other_study(new.study, differences, may_fork=widened, resume=resume)


def may_start_over(folder: RunFolder, new: RunRecord, earlier: RunRecord) -> bool:
    """Whether no trial of a study is complete, and its settings have changed or all of its trials failed.

    There is then no score that others could be compared with. Failed trials are of no use to a sampler, and what made
    them fail may lie outside the space's code.
    """
    if folder.best.exists():
        return False
    trials = folder.read_trials()
    if any(trial.state == "COMPLETE" for trial in trials):
        return False
    all_failed = (
        bool(trials) and all(trial.state == "FAIL" for trial in trials) and len(trials) == len(folder.numbers())
    )
    continued = replace(new, corrects_averages=earlier.corrects_averages)
    return all_failed or bool(describe_differences(continued, earlier))


def start_over(folder: RunFolder, url: str, settings: RunSettings, *, note: Callable[[str], None]) -> None:
    """Remove all trials of a study none of which is complete, while its lease is held.

    Raises:
        StudyConflictError: its database has complete trials.
        StorageError: they can't be removed.
    """
    with study_storage(url) as storage:
        if settings.storage is None:
            name_only_study(storage, settings.study)
        is_stored = settings.study in optuna.get_all_study_names(storage)
        if is_stored:
            study = optuna.load_study(study_name=settings.study, storage=storage)
            if study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
                raise StudyConflictError(
                    f"study '{settings.study}' has complete trials in its database, but not in {folder.path}.\n"
                    "Restore the folder, or choose another --study"
                )
        # Files first: should this be interrupted, results without their database would be taken for a lost database.
        removed = len(folder.numbers())
        _remove_files(folder)
        if is_stored:
            optuna.delete_study(study_name=settings.study, storage=storage)
    note(f"study '{settings.study}' starts over: it had no complete trial ({count(removed, 'trial')} removed)")


@contextlib.contextmanager
def removed_if_refused(folder: Path) -> Iterator[None]:
    """Remove on leaving what a new search that is refused with a `UsageError` has left in its folder.

    The folder of a study that is continued, in which trials have ended, or with other files stays.
    """
    is_new = not (folder / layout.SETTINGS).is_file()
    try:
        yield
    except UsageError:
        if is_new and not any((folder / layout.TRIALS).glob(f"*/{layout.RESULT}")):
            _remove_unused(folder)
        raise


def _remove_unused(folder: Path) -> None:
    for name in (layout.TRIALS, layout.ARTIFACTS):
        shutil.rmtree(folder / name, ignore_errors=True)
    with contextlib.suppress(OSError):  # it is not empty, or can't be removed
        for file in _of_a_new_study:
            (folder / file).unlink(missing_ok=True)
        folder.rmdir()


def _remove_files(folder: RunFolder) -> None:
    try:
        for trials in (layout.TRIALS, layout.ARTIFACTS):
            if (folder.path / trials).exists():
                shutil.rmtree(folder.path / trials)
        for file in (layout.SPOOL, layout.SUMMARY):
            (folder.path / file).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"can't remove the trials in {folder.path}: {error.strerror or error}") from error


def describe_differences(new: RunRecord, earlier: RunRecord, *, space_may_differ: bool = False) -> list[str]:
    """Return a line for each difference that makes the scores of two runs incomparable.

    Args:
        new: the new run.
        earlier: the study's first run.
        space_may_differ: whether to leave out the space.
    """
    now, then = new.settings, earlier.settings
    differences = [f"  {name}: {_then_now(new, earlier, name)}" for name in BINDING if now.get(name) != then.get(name)]
    if new.data.fingerprint != earlier.data.fingerprint:
        images = f"  images: {earlier.data.fingerprint[:19]} then, {new.data.fingerprint[:19]} now"
        differences.append(images + _names(new, earlier, "data"))
    if not space_may_differ and not is_same_source(new.space_digest, earlier.space_digest):
        differences.append("  the space's code has changed" + _names(new, earlier, "space"))
    if not is_same_backbone(now.get("backbone"), then.get("backbone")):
        differences.append(f"  backbone: {_then_now(new, earlier, 'backbone')}")
    elif new.backbone_digest != earlier.backbone_digest:
        differences.append("  the backbone's file has changed" + _names(new, earlier, "backbone"))
    if now.get("seed") == then.get("seed") and new.seed_of_split != earlier.seed_of_split:
        seeds = f"{earlier.seed_of_split} then, {new.seed_of_split} now"
        differences.append(f"  split: seed {seeds}, by the backbone's model card")
    if earlier.corrects_averages != new.corrects_averages:  # of a study to fork; one that continues keeps its own
        differences.append("  running averages of batch norm are corrected now, which changes scores")
    return differences


def other_study(
    study: str, differences: Sequence[str], *, may_fork: bool = False, resume: str | None = None
) -> StudyConflictError:
    """Return the error that lists the differences, one line each.

    Args:
        study: its name.
        differences: from `describe_differences`.
        may_fork: whether a fork may bridge them.
        resume: the command that continues with the stored settings, where those typed are what differs.
    """
    shown = [*differences[:_most_differences]]
    if len(differences) > _most_differences:
        shown[-1] = f"  and {len(differences) - _most_differences + 1} more differences"
    fork = ", or --fork NEW: a new study that starts with its trials, where ranges were only widened"
    stored = "use the earlier settings" if resume is None else f"continue with its stored settings: `{resume}`"
    return StudyConflictError(
        "\n".join(
            [
                f"study '{study}' was created with different settings; scores are not comparable:",
                *shown,
                f"Choose another --study, or {stored}{fork if may_fork else ''}.",
            ]
        )
    )


def _then_now(new: RunRecord, earlier: RunRecord, name: str) -> str:
    return f"{earlier.settings.get(name)} then, {new.settings.get(name)} now"


def _names(new: RunRecord, earlier: RunRecord, name: str) -> str:
    """Return both names of what has changed; "" where they are the same."""
    if new.settings.get(name) == earlier.settings.get(name):
        return ""
    return f" ({_then_now(new, earlier, name)})"
