"""The files beside a model: its card, and the script that retrains it."""

from __future__ import annotations

import hashlib
import io
import zipfile

from reports.export.keras_script import keras_script
from reports.stored.records import ModelCard, RunRecord, TrainedOn, schema
from search.results.run_folder import RunFolder
from spaces.errors import RecordError, UsageError


def card_of(run: RunRecord, trial: int, model: bytes, *, with_validation: bool = False) -> ModelCard:
    """Return the card of a `.keras` file of a study.

    Args:
        run: the study's record.
        trial: number of the trial whose model it is.
        model: the file.
        with_validation: whether it was trained on the validation images too.
    """
    images = run.settings.get("train_images")
    own = TrainedOn(
        study=run.study,
        name=run.data.name,
        data=run.data.fingerprint,
        seed=run.seed_of_split,
        train_images=images if isinstance(images, int) else None,
        split=run.split_digest,
        with_validation=with_validation,
    )
    return ModelCard(
        schema=schema,
        study=run.study,
        trial=trial,
        sha256=hashlib.sha256(model).hexdigest(),
        classes=run.data.classes,
        height=run.data.height,
        width=run.data.width,
        channels=run.data.channels,
        resize=str(run.settings.get("resize", "stretch")),
        pixel_ranges=run.data.pixel_ranges,
        trained_on=(own, *run.backbone_trained_on),
    )


def script_of(folder: RunFolder, run: RunRecord, trial: int, *, model: bytes | None) -> str:
    """Return the plain Keras script that retrains a trial's network.

    Args:
        folder: the study's.
        run: its record.
        trial: a trial with a score; what defines its network's type must have been imported.
        model: the trial's `.keras` file, whose plan of the network serves where we have no words for
            it; None: not kept.

    Raises:
        RecordError: the model or the recipe is damaged.
        UsageError: the trial has not ended or has no score, or its network can't be written.
    """
    record = folder.read_trial(trial)
    if record is None:
        raise UsageError(f"trial {trial} of study '{run.study}' has not ended, or there is none of that number")
    network_json = None if model is None else _network_json(model)
    return keras_script(run, record, folder.read_recipe(trial), network_json=network_json)


def _network_json(model: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as stored:
            return stored.read("config.json").decode()
    except Exception as error:  # a damaged archive raises a dozen unrelated types
        raise RecordError(f"its model is damaged: {error}") from None
