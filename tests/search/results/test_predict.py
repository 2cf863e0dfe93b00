"""Which models are loaded, and how predictions are told; no Keras."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path

import pytest

from reports.stored.layout import CARD
from reports.stored.records import ModelCard
from search.results.predict import Answers, Prediction, known_model, predict_files
from spaces.errors import DataError, StudyConflictError, UsageError
from spaces.records import to_plain

CONTENT = b"a model"
ANSWERS = Answers(
    classes=("cat", "dog, big"),
    predictions=(
        Prediction(file="a.png", probabilities=(0.25, 0.75)),
        Prediction(file="b.png", probabilities=None, problem="empty: zero bytes"),
    ),
)


def a_model(folder: Path, *, content: bytes = CONTENT, name: str = "model.keras") -> Path:
    """Write a model and the card of `CONTENT`."""
    card = ModelCard(
        schema=1,
        study="toy",
        trial=0,
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        classes=("cat", "dog"),
        height=4,
        width=4,
        channels=1,
        resize="stretch",
    )
    (folder / CARD).write_text(json.dumps(to_plain(card)))
    (folder / name).write_bytes(content)
    return folder / name


def test_a_model_that_its_card_knows_is_read(tmp_path: Path) -> None:
    content, card = known_model(a_model(tmp_path), trust=False)

    assert (content, card.classes) == (CONTENT, ("cat", "dog"))


def test_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not the model that model_card.json beside it was written for"):
        known_model(a_model(tmp_path, content=b"forged"), trust=False)


def test_another_model_is_read_by_those_who_trust_it(tmp_path: Path) -> None:
    assert known_model(a_model(tmp_path, content=b"forged"), trust=True)[0] == b"forged"


@pytest.mark.parametrize("name", ["model.h5", "model.pkl", "model.joblib", "model"])
@pytest.mark.parametrize("trust", [False, True])
def test_other_formats_are_refused_even_if_trusted(tmp_path: Path, name: str, trust: bool) -> None:  # noqa: FBT001
    with pytest.raises(UsageError, match="is not a .keras file"):
        known_model(a_model(tmp_path, name=name), trust=trust)


def test_a_model_without_its_card_is_refused(tmp_path: Path) -> None:
    model = a_model(tmp_path)
    (tmp_path / CARD).unlink()
    with pytest.raises(UsageError, match="model_card.json is missing"):
        known_model(model, trust=True)


def test_a_card_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    model = a_model(tmp_path)
    (tmp_path / CARD).write_text(json.dumps(json.loads((tmp_path / CARD).read_text()) | {"schema": 2}))
    with pytest.raises(StudyConflictError, match=r"model_card\.json is of format 2; this Tamiz reads formats up to 1"):
        known_model(model, trust=True)


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, "3", "{}"])
def test_a_damaged_card_is_one_error(tmp_path: Path, content: str) -> None:
    model = a_model(tmp_path)
    (tmp_path / CARD).write_text(content)
    with pytest.raises(UsageError, match=r"model_card\.json"):
        known_model(model, trust=False)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.keras can't be read: No such file"):
        known_model(tmp_path / "none.keras", trust=False)


def test_only_unreadable_files_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file is a readable image; .*none\.png: no such file"):
        predict_files(a_model(tmp_path), [tmp_path / "none.png"])


def test_text_names_the_likeliest_classes() -> None:
    assert ANSWERS.as_text() == "a.png: dog, big 75.0%, cat 25.0%\nb.png: not read: empty: zero bytes"


def test_json_has_all_probabilities() -> None:
    told = json.loads(ANSWERS.as_json())

    assert [image["probabilities"] for image in told["images"]] == [{"cat": 0.25, "dog, big": 0.75}, None]


def test_csv_has_a_column_for_each_class() -> None:
    rows = list(csv.DictReader(io.StringIO(ANSWERS.as_csv())))

    assert [(row["class"], row["dog, big"], row["problem"]) for row in rows] == [
        ("dog, big", "0.75", ""),
        ("", "", "empty: zero bytes"),
    ]
