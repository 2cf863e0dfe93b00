"""An ensemble of a small study: what is written, what it predicts, and what can't be used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from objectives.evaluation.predicting import load_model
from objectives.files import predictions as stored_predictions
from objectives.messages import Predictions
from reports.stored.ensemble import ENSEMBLE_SIZE, EnsembleRecord
from reports.stored.files import read_record
from search.cli.app import run_command_line
from search.cli.options import continued
from search.driver.ensembles import ensemble_of_study
from search.results.predict import predict_files
from search.results.run_folder import RunFolder
from spaces.errors import StudyConflictError, UsageError
from tests.search.fixtures.toy import ListeningProgress

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(finished: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of the study, whose two models make up for each other: each is sure of half of the validation images."""
    shutil.copytree(finished.path, tmp_path / "small")
    copy = RunFolder(path=tmp_path / "small")
    for number in (0, 1):
        path = copy.trial(number) / "predictions.npz"
        found = stored_predictions.load(path)
        is_sure = np.arange(len(found.labels)) % 2 == number
        right = np.eye(10)[found.labels]
        probabilities = np.where(is_sure[:, None], right, 0.5 * right + 0.05).astype(np.float32)
        stored_predictions.save(
            Predictions(probabilities=probabilities, labels=found.labels, images=found.images), path
        )
    return copy


def made(folder: RunFolder, progress: ListeningProgress | None = None) -> EnsembleRecord | None:
    """Make an ensemble."""
    resolved = continued(folder, {})
    return ensemble_of_study(
        resolved.settings,
        space=resolved.space,
        places=resolved.places,
        size=ENSEMBLE_SIZE,
        progress=progress or ListeningProgress(),
    )


def test_it_gives_the_mean_of_its_members_and_is_measured(folder: RunFolder) -> None:
    found = made(folder)
    assert found is not None
    assert {member.trial for member in found.members} == {0, 1}
    model = load_model((folder.path / "ensemble" / "model.keras").read_bytes())
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1)).astype(np.uint8)
    counts = {member.trial: member.count for member in found.members}
    alone = [load_model(folder.read_model(trial) or b"").predict_on_batch(images) for trial in (0, 1)]
    mean = (counts[0] * alone[0] + counts[1] * alone[1]) / (counts[0] + counts[1])

    np.testing.assert_allclose(model.predict_on_batch(images), mean, atol=1e-6)
    assert model.input_shape == (None, 8, 8, 1)
    assert found.test.images == 360
    assert found.test.accuracy > 0.5
    assert read_record(folder.path / "ensemble" / "ensemble.json", EnsembleRecord) == found


def test_predict_and_export_take_it(folder: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "black.png")
    assert run_command_line(["export", str(folder.path), "--ensemble", "--to", str(tmp_path / "to")]) == 2
    assert "make one: python -m search ensemble" in capsys.readouterr().err
    assert run_command_line(["ensemble", str(folder.path)]) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == str(folder.path / "ensemble" / "model.keras")
    assert "for the record: test accuracy" in printed.err
    assert run_command_line(["export", str(folder.path), "--ensemble", "--to", str(tmp_path / "to")]) == 0
    answers = [
        predict_files(path, [tmp_path / "black.png"]).predictions[0].probabilities
        for path in (folder.path / "ensemble" / "model.keras", tmp_path / "to" / "model.keras")
    ]
    assert answers[0] == answers[1]
    assert answers[0] is not None
    assert sum(answers[0]) == pytest.approx(1.0)
    card = json.loads((tmp_path / "to" / "model_card.json").read_text())
    assert {member["trial"] for member in card["members"]} == {0, 1}


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_model_that_can_t_be_used_is_named(folder: RunFolder, damage: str) -> None:
    model, progress = folder.trial(1) / "model.keras", ListeningProgress()
    model.unlink() if damage == "missing" else model.write_bytes(model.read_bytes()[:2000])
    with pytest.raises(UsageError, match="1 model that can be used: expected at least 2"):
        made(folder, progress)
    assert any("trial 1 is left out: " in note and damage in note for note in progress.notes)


def test_one_that_does_not_pay_is_not_written(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(folder.trial(0) / "predictions.npz", folder.trial(1) / "predictions.npz")
    assert run_command_line(["ensemble", str(folder.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "ensemble": None}
    assert not (folder.path / "ensemble").exists()


def test_an_ensemble_of_one_is_refused(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["ensemble", str(folder.path), "--size", "1"]) == 2
    assert "invalid --size '1': expected at least 2" in capsys.readouterr().err


def test_one_of_other_data_is_refused(folder: RunFolder) -> None:
    settings = json.loads((folder.path / "settings.json").read_text())
    settings["data"]["fingerprint"] = f"sha256:{'0' * 64}"
    (folder.path / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(StudyConflictError, match="images: sha256:000000000000 then, sha256:[0-9a-f]{12} now"):
        made(folder)
