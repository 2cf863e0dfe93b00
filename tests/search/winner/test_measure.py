"""The winner is measured once, and all that a report needs of it is recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from objectives.messages import EpochReport, Layer, LayerMaps, NetworkInside, Predictions, WinnerMeasured
from reports.stored.files import StoredFiles
from reports.stored.records import Inside, ModelCard, TrialRecord
from reports.stored.run import Thumbnails
from search.results.run_folder import RunFolder
from search.winner.measure import measurement_of, thumbnails_of
from spaces.recipe import ConvNet, Fit, Recipe, Stage

RECIPE = Recipe(network=ConvNet(stages=(Stage(filters=2, convolutions=1),), kernel=3), fit=Fit(learning_rate=0.1))
CARD = ModelCard(
    schema=1, study="toy", trial=0, sha256="0", classes=("a", "b"), height=4, width=4, channels=1, resize="stretch"
)
INSIDE = NetworkInside(
    layers=(Layer(name="first", kind="Conv2D", output=(4, 4, 2), parameters=20),),
    maps=(LayerMaps(layer="first", pixels=np.arange(64, dtype=np.uint8).reshape(2, 4, 4, 2)),),
    classes=(0, 1),
    images=(3, 1),
)


def predictions(images: int = 60) -> Predictions:
    """Return predictions of two classes, the first images the surest, every third one wrong."""
    sure = np.linspace(0.99, 0.51, images, dtype=np.float32)
    return Predictions(
        probabilities=np.stack([sure, 1 - sure], axis=1),
        labels=np.array([1 if row % 3 == 0 else 0 for row in range(images)], dtype=np.int32),
        images=np.arange(images, dtype=np.int32),
    )


def a_winner(tmp_path: Path, *, inside: NetworkInside | None = INSIDE, thumbnails: Thumbnails | None = None) -> Path:
    """Write a trial, then a winner; return `best/`."""
    folder = RunFolder.at(tmp_path, "toy")
    record = TrialRecord(
        schema=1,
        trial=0,
        state="COMPLETE",
        score=0.5,
        best_epoch=1,
        epochs=1,
        params={},
        baseline=None,
        parameters=10,
        seconds_building=0.1,
        seconds_training=0.1,
        seed=0,
        attempt=1,
        worker="0",
        started="2026-11-21T00:00:00+00:00",
        ended="2026-11-21T00:00:01+00:00",
    )
    report = EpochReport(epoch=1, score=0.5, metrics={"loss": 1.0}, seconds=0.1)
    folder.write_trial(record, recipe=RECIPE, reports=[report], predictions=predictions(), model=b"model")
    found = predictions()
    pictures = thumbnails or Thumbnails(pixels={2: np.zeros((4, 4, 1), np.uint8)})
    folder.write_winner(
        measurement_of(0, found, metric="macro_f1"),
        WinnerMeasured(predictions=found, inside=inside),
        place="trials/0000",
        thumbnails=pictures,
        card=CARD,
        script="train()\n",
    )
    return folder.best


def reader(best: Path) -> StoredFiles:
    """Return the reports' reader of the run folder."""
    return StoredFiles(best.parent)


def test_the_inside_is_read_back_by_the_report(tmp_path: Path) -> None:
    reading = reader(a_winner(tmp_path))
    inside = reading.json_record("best/inside.json", Inside, expected=True)
    assert inside is not None
    maps = reading.feature_maps(inside, classes=2)

    assert (inside.layers, inside.map_classes, inside.map_images) == (INSIDE.layers, (0, 1), (3, 1))
    np.testing.assert_array_equal(maps[inside.maps[0].array], INSIDE.maps[0].pixels)
    assert reading.gaps == []


def test_thumbnails_are_read_back_by_the_report(tmp_path: Path) -> None:
    pictures = Thumbnails(pixels={7: np.full((2, 3, 3), 9, np.uint8), 2: np.full((2, 3, 3), 4, np.uint8)})
    found = reader(a_winner(tmp_path, thumbnails=pictures)).thumbnails()

    assert found is not None
    assert {image: int(pixels.max()) for image, pixels in found.pixels.items()} == {7: 9, 2: 4}


def test_nothing_of_an_earlier_winner_stays(tmp_path: Path) -> None:
    a_winner(tmp_path)
    best = a_winner(tmp_path, inside=None)

    assert not {"inside.json", "feature_maps.npz"} & {path.name for path in best.iterdir()}


def test_a_card_and_a_script_lie_beside_the_model(tmp_path: Path) -> None:
    best = a_winner(tmp_path)

    assert reader(best).json_record("best/model_card.json", ModelCard, expected=True) == CARD
    assert (best / "train.py").read_text() == "train()\n"


@pytest.mark.parametrize(("sides", "small"), [((8, 8), (8, 8)), ((300, 200), (96, 64)), ((64, 384), (16, 96))])
def test_thumbnails_keep_their_proportions_and_are_small(sides: tuple[int, int], small: tuple[int, int]) -> None:
    pictures = thumbnails_of(predictions(), np.zeros((60, *sides, 3), np.uint8))

    assert {pixels.shape for pixels in pictures.pixels.values()} == {(*small, 3)}


def test_thumbnails_are_of_the_hardest_images_and_the_surest_mistakes() -> None:
    images = np.arange(60, dtype=np.uint8).reshape(60, 1, 1, 1)
    pictures = thumbnails_of(predictions(), images)
    hardest, surest_mistakes = set(range(36, 60)), set(range(0, 60, 3))

    assert pictures.pixels.keys() == hardest | surest_mistakes
    assert {image: int(pixels[0, 0, 0]) for image, pixels in pictures.pixels.items()} == {i: i for i in pictures.pixels}
