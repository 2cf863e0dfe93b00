"""A study that starts from an earlier search's model does not validate on the images that it was trained on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from objectives.data.directories import DataDirectories
from objectives.data.loading import load
from objectives.data.records import Dataset
from objectives.data.splitting import split, split_digest
from reports.stored.records import ModelCard, RunRecord, TrainedOn
from search.driver.prepare import prepare
from search.results.backbone_images import ChosenSplit, choose_split
from search.results.model_files import card_of
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from spaces.backbones import find_backbones
from spaces.catalogue import find_space, with_backbones
from spaces.errors import DataError
from spaces.records import to_plain
from tests.reports.run_folders import digits, run_record
from tests.search.fixtures.toy import ListeningProgress

MODEL = b"layers"


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Return scikit-learn's digits: 1,437 images to train and validate."""
    return load("digits", directories=DataDirectories.from_environment())


def trained_on(
    data: Dataset,
    *,
    seed: int = 1,
    train_images: int | None = None,
    of: str | None = None,
    rows: str | None = None,
    with_validation: bool = False,
) -> TrainedOn:
    """Return what a study of these data with that seed trains on."""
    chosen = split(data, seed=seed, train_images=train_images)
    return TrainedOn(
        study="first",
        name="digits",
        data=of or data.fingerprint,
        seed=seed,
        train_images=train_images,
        split=rows or split_digest(chosen),
        with_validation=with_validation,
    )


def backbone(folder: Path, *seen: TrainedOn, is_old: bool = False) -> str:
    """Write a model with its card, and return its path."""
    card = ModelCard(
        schema=1,
        study="first",
        trial=0,
        sha256=hashlib.sha256(MODEL).hexdigest(),
        classes=tuple("0123456789"),
        height=8,
        width=8,
        channels=1,
        resize="stretch",
        trained_on=None if is_old else seen,
    )
    (folder / "model.keras").write_bytes(MODEL)
    plain = {name: value for name, value in to_plain(card).items() if name != "trained_on" or not is_old}
    (folder / "model_card.json").write_text(json.dumps(plain))
    return str(folder / "model.keras")


def chosen(
    data: Dataset,
    model: str | None,
    *,
    seed: int = 0,
    train_images: int | None = None,
    earlier: RunRecord | None = None,
) -> ChosenSplit:
    """Return the split of a study that starts from a model."""
    return choose_split(data, seed=seed, train_images=train_images, backbones=find_backbones(model), earlier=earlier)


def overlap(found: ChosenSplit, data: Dataset, *, seed: int = 1) -> int:
    """Return the validation images that a study with that seed trains on."""
    return int(np.isin(found.split.validation, split(data, seed=seed).train).sum())


def test_without_the_card_most_validation_images_would_be_known(data: Dataset) -> None:
    assert (overlap(chosen(data, None), data), len(chosen(data, None).split.validation)) == (230, 288)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_with_the_same_data_the_split_is_that_of_the_backbone(data: Dataset, tmp_path: Path, seed: int) -> None:
    found = chosen(data, backbone(tmp_path, trained_on(data)), seed=seed)

    assert (overlap(found, data), found.split.seed) == (0, 1)
    assert found.finding is not None
    assert found.finding.allow == ""
    assert found.finding.text == (
        "0 of 288 validation images were training images of the backbone model.keras: the data are split as in its "
        "study 'first' (seed 1)"
    )


def test_other_training_images_are_refused_with_both_numbers(data: Dataset, tmp_path: Path) -> None:
    found = chosen(data, backbone(tmp_path, trained_on(data)), train_images=500)
    assert found.finding is not None

    assert found.finding.allow == "overlap"
    assert found.finding.text.startswith(
        f"{overlap(found, data)} of 100 validation images were training images of the backbone model.keras (study "
        "'first'), so that scores are too high"
    )
    assert found.advice == "Choose its --train-images (all of them) or another backbone"


def test_a_model_that_was_trained_on_validation_images_too_is_refused(data: Dataset, tmp_path: Path) -> None:
    found = chosen(data, backbone(tmp_path, trained_on(data, with_validation=True)))
    assert found.finding is not None

    assert found.finding.allow == "overlap"
    assert found.finding.text.startswith("288 of 288 validation images were training images")
    assert "best/search" in found.advice


def test_what_the_backbone_s_own_backbone_saw_counts(data: Dataset, tmp_path: Path) -> None:
    model = backbone(tmp_path, trained_on(data, seed=1), trained_on(data, seed=2))
    found = chosen(data, model)
    assert found.finding is not None

    assert (found.split.seed, found.finding.allow) == (1, "overlap")
    assert found.finding.text.startswith(f"{overlap(found, data, seed=2)} of 288 validation images")


def test_a_card_of_an_earlier_version_does_not_tell(data: Dataset, tmp_path: Path) -> None:
    found = chosen(data, backbone(tmp_path, is_old=True))
    assert found.finding is not None

    assert found.finding.allow == "overlap"
    assert "(study 'first') is not known: its card is of another version" in found.finding.text


def test_rows_that_this_version_would_choose_otherwise_are_not_known(data: Dataset, tmp_path: Path) -> None:
    found = chosen(data, backbone(tmp_path, trained_on(data, rows="sha256:0")))
    assert found.finding is not None

    assert (found.finding.allow, "is not known" in found.finding.text) == ("overlap", True)


def test_other_data_are_said_not_to_be_compared(data: Dataset, tmp_path: Path) -> None:
    found = chosen(data, backbone(tmp_path, trained_on(data, of="sha256:0123456789abcdef")), seed=5)
    assert found.finding is not None

    assert (found.split.seed, found.finding.allow) == (5, "")
    assert "was trained on other data (digits, sha256:0123456789ab): whether" in found.finding.text


def test_a_study_of_before_keeps_its_split_and_is_refused(data: Dataset, tmp_path: Path) -> None:
    model = backbone(tmp_path, trained_on(data))
    record = run_record(digits(), study_name="s", trials=1)
    earlier = replace(
        record,
        data=replace(record.data, fingerprint=data.fingerprint),
        backbone_digest=f"sha256:{hashlib.sha256(MODEL).hexdigest()}",
        settings={"seed": 0, "train_images": None},
    )
    found = chosen(data, model, earlier=earlier)
    assert found.finding is not None

    assert (found.split.seed, found.finding.text[:10]) == (0, "230 of 288")
    assert chosen(data, model, earlier=replace(earlier, split_seed=1)).split.seed == 1


def test_the_rows_decide_the_digest(data: Dataset) -> None:
    one, other = split(data, seed=0), split(data, seed=1)
    moved = replace(one, train=np.append(one.train, one.validation[:1]), validation=one.validation[1:])

    assert split_digest(one) == split_digest(split(data, seed=0))
    assert len({split_digest(one), split_digest(other), split_digest(moved)}) == 3


def prepared(tmp_path: Path, model: str, progress: ListeningProgress, *, allow: tuple[str, ...] = ()) -> RunRecord:
    """Return the record of a study with 500 images that starts from a model."""
    settings = RunSettings(
        space="transfer_frozen",
        study="second",
        data="digits",
        train_images=500,
        backbone=model,
        allow=allow,
        runs=str(tmp_path),
    )
    space = with_backbones(find_space("transfer_frozen"), find_backbones(model))
    folder = RunFolder.at(tmp_path, "second")
    return prepare(settings, space=space, folder=folder, places={}, command="run", progress=progress).record


def test_an_overlap_is_refused_unless_it_is_allowed_and_is_said_then(data: Dataset, tmp_path: Path) -> None:
    model, progress = backbone(tmp_path, trained_on(data)), ListeningProgress()
    with pytest.raises(
        DataError, match=r"\d+ of 100 validation images were .*\nChoose .* To search all the same: --allow overlap"
    ):
        prepared(tmp_path, model, progress)
    record = prepared(tmp_path, model, progress, allow=("overlap",))

    (warning,) = record.data.warnings
    assert "of 100 validation images were training images of the backbone" in warning
    assert (progress.notes[-1], record.backbone_note) == (f"warning: {warning}", "")


def test_a_card_passes_on_what_its_backbone_was_trained_on(data: Dataset, tmp_path: Path) -> None:
    first = trained_on(data, train_images=500)
    record = prepared(tmp_path, backbone(tmp_path, first), ListeningProgress())
    card = card_of(record, 3, b"model")

    assert card.trained_on is not None
    assert [(one.study, one.seed, one.train_images) for one in card.trained_on] == [
        ("second", 1, 500),
        ("first", 1, 500),
    ]
    assert card.trained_on[0].split == first.split
    assert record.backbone_note.startswith("0 of 100 validation images")
