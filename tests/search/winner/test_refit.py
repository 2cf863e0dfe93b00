"""The winner of a small study is trained once more, on training and validation images, and handed over."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from reports.stored.files import read_record
from reports.stored.records import Measurement, ModelCard, Refit, TrialRecord
from search.cli.app import run_command_line
from search.results.export import export
from search.results.predict import known_model
from search.results.run_folder import RunFolder
from search.results.status import stored_summary

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def folder(finished: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of the study, of which a test may change everything."""
    shutil.copytree(finished.path, tmp_path / "small")
    return RunFolder(path=tmp_path / "small")


def winner_of(folder: RunFolder) -> int:
    """Return the number of the trial that won."""
    best = stored_summary(folder).best
    assert best is not None
    return best.trial


def knows_validation(card: ModelCard) -> bool:
    """Return whether a model was trained on the validation images too, which a backbone's card must tell."""
    assert card.trained_on is not None
    return card.trained_on[0].with_validation


def test_the_refit_is_handed_over_and_the_search_s_model_is_kept_beside_it(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    number, before = winner_of(folder), (folder.best / "model.keras").read_bytes()
    searched = folder.read_measurement()
    assert run_command_line(["refit", str(folder.path), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    measured = folder.read_measurement()
    refit = Refit(epochs=4, images=1437)

    assert searched is not None
    assert measured is not None
    assert (measured.trial, measured.kind, measured.refit, measured.images) == (number, "refit", refit, 360)
    assert printed["test"]["refit"] == {"epochs": 4, "images": 1437}
    assert printed["best"]["trial"] == number
    place = folder.trial(number) / "refit" / "4"
    model, card = known_model(folder.best / "model.keras", trust=False)
    assert model == (place / "model.keras").read_bytes() != before
    assert card.trial == number
    own, card_of_own = known_model(folder.best / "search" / "model.keras", trust=False)
    assert own == before
    assert [knows_validation(one) for one in (card, card_of_own)] == [True, False]
    export(folder, to=folder.path / "exported")
    assert knows_validation(known_model(folder.path / "exported" / "model.keras", trust=False)[1])
    kept = read_record(folder.best / "search" / "measurement.json", Measurement)
    assert kept is not None
    assert (kept.correct, kept.refit, kept.kind) == (searched.correct, None, "search")

    rows = json.loads((folder.best / "record.json").read_text())["rows"]
    assert [(row["role"], row["trial"]) for row in rows[:2]] == [("answer", number), ("search", number)]
    assert (
        "of a refit on 1,437 training and validation images, for 4 epochs" in (folder.path / "report.html").read_text()
    )


def test_nothing_of_a_refit_is_kept_as_a_score(folder: RunFolder) -> None:
    assert run_command_line(["refit", str(folder.path), "--quiet"]) == 2  # `refit` has no such option
    assert run_command_line(["refit", str(folder.path)]) == 0
    place = folder.trial(winner_of(folder)) / "refit" / "4"
    record = read_record(place / "result.json", TrialRecord)
    assert record is not None
    assert (record.state, record.score, record.best_epoch, record.epochs) == ("COMPLETE", None, None, 4)
    assert not (place / "predictions.npz").exists()
    with (place / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert {row["score"] for row in rows} == {"nan"}
    assert set(rows[0]) == {"epoch", "seconds", "score", "loss", "accuracy"}


def test_a_refit_is_not_trained_twice_and_stays_when_the_study_is_continued(folder: RunFolder) -> None:
    assert run_command_line(["refit", str(folder.path), "--epochs", "2"]) == 0
    first, measured = folder.read_measurement(), (folder.best / "measurement.json").stat().st_mtime_ns
    result = folder.trial(winner_of(folder)) / "refit" / "2" / "result.json"
    trained = result.stat().st_mtime_ns
    assert first is not None
    assert first.refit == Refit(epochs=2, images=1437)
    assert run_command_line(["refit", str(folder.path), "--epochs", "2"]) == 0
    assert run_command_line(["resume", str(folder.path)]) == 0
    assert folder.read_measurement() == first
    assert (result.stat().st_mtime_ns, (folder.best / "measurement.json").stat().st_mtime_ns) == (trained, measured)
    assert run_command_line(["resume", str(folder.path), "--refit", "off"]) == 0
    after = folder.read_measurement()
    assert after is not None
    assert (after.refit, after.kind) == (None, "search")
    assert not (folder.best / "search").exists()


def test_a_search_refits_its_winner(folder: RunFolder) -> None:
    assert run_command_line(["resume", str(folder.path), "--refit", "on"]) == 0
    measured = folder.read_measurement()
    assert measured is not None
    assert measured.refit == Refit(epochs=4, images=1437)


def test_another_trial_s_refit_leaves_the_answer_as_it_is(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    other, measured = 1 - winner_of(folder), folder.read_measurement()
    result = folder.trial(other) / "result.json"
    result.write_text(result.read_text().replace('"COMPLETE"', '"PRUNED"'))
    assert run_command_line(["refit", str(folder.path), "--trial", str(other), "--epochs", "1"]) == 0
    printed = capsys.readouterr().err
    assert folder.read_measurement() == measured
    assert f"trial {other} was pruned after 4 epochs" in printed
    assert f"trial {other} is not the winner" in printed
    assert known_model(folder.trial(other) / "refit" / "1" / "model.keras", trust=False)[1].trial == other


def test_what_can_t_be_refitted_is_refused(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*options: str) -> str:
        assert run_command_line(["refit", str(folder.path), *options]) in (2, 4)
        return capsys.readouterr().err

    assert "invalid --trial '7': expected a trial that has ended and has a recipe: 0 and 1" in refused("--trial", "7")
    assert "invalid --epochs '0': expected at least 1" in refused("--epochs", "0")
    settings = folder.path / "settings.json"
    stored = json.loads(settings.read_text())
    settings.write_text(json.dumps({**stored, "data": {**stored["data"], "fingerprint": f"sha256:{'0' * 64}"}}))
    error = refused()
    assert "images: sha256:000000000000 then, sha256:" in error
    assert " now" in error
    for number in (0, 1):
        result = folder.trial(number) / "result.json"
        result.write_text(result.read_text().replace('"COMPLETE"', '"PRUNED"'))
    assert "has no winner yet: no trial is complete" in refused()
