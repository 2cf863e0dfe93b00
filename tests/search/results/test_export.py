"""Exports and predictions of a real, small winner."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from objectives.data.directories import DataDirectories
from objectives.data.loading import load
from objectives.files.predictions import load as load_predictions
from reports.classifier.per_class import class_table
from reports.stored.read import read_run
from search.cli.app import run_command_line
from search.results.export import Formats, export
from search.results.predict import predict_files
from search.results.run_folder import RunFolder
from spaces.errors import UsageError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(finished: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an export of the winner."""
    to = tmp_path_factory.mktemp("exported")
    export(finished, to=to)
    return to


def loser(folder: RunFolder) -> int:
    """Return the number of the trial that did not win."""
    measurement = folder.read_measurement()
    assert measurement is not None
    return 1 - measurement.trial


def test_an_export_has_all_its_files(exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} == {
        "model.keras",
        "model_card.json",
        "model_card.md",
        "train.py",
        "trials.csv",
    }


def test_the_winners_script_is_in_its_folder_and_in_the_report(finished: RunFolder, exported: Path) -> None:
    script = (finished.best / "train.py").read_text()

    assert script == (exported / "train.py").read_text()
    assert "The winner as a plain Keras script" in (finished.path / "report.html").read_text()


def test_the_script_alone_reaches_the_score(exported: Path, finished: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_bytes((exported / "train.py").read_bytes())
    ended = subprocess.run(
        [sys.executable, "-I", "train.py"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=280
    )
    reached = json.loads(ended.stdout.splitlines()[-1])
    measurement = finished.read_measurement()
    assert measurement is not None
    record = finished.read_trial(measurement.trial)
    assert record is not None

    assert reached["val_accuracy"] == pytest.approx(record.score, abs=0.02)


def test_the_table_of_trials_can_be_read(exported: Path) -> None:
    assert pd.read_csv(exported / "trials.csv")["trial"].tolist() == [0, 1]


def test_the_card_has_the_numbers_of_each_class(exported: Path, finished: RunFolder) -> None:
    stored = load_predictions(finished.best / "predictions.npz")
    table = class_table(stored.labels, stored.probabilities.argmax(axis=1), read_run(finished.path).classes)
    rows = [f"| {r.name} | {r.precision:.3f} | {r.recall:.3f} | {r.f1:.3f} | {r.support:,} |" for r in table.rows]

    assert [row for row in rows if row not in (exported / "model_card.md").read_text()] == []


def test_the_card_gives_keras_the_order_of_the_classes(exported: Path) -> None:
    assert 'class_names=card["classes"]' in (exported / "model_card.md").read_text()


def without_losers_model(finished: RunFolder, tmp_path: Path) -> RunFolder:
    """Return a copy of the study in which the model of the trial that did not win is not kept."""
    folder = RunFolder(path=shutil.copytree(finished.path, tmp_path / "copy" / "small"))
    (folder.trial(loser(finished)) / "model.keras").unlink()
    return folder


def test_another_trial_whose_model_was_kept_is_exported_with_it(finished: RunFolder, tmp_path: Path) -> None:
    written = export(finished, to=tmp_path, trial=loser(finished))
    card = json.loads((tmp_path / "model_card.json").read_text())

    assert (written.note, (tmp_path / "model.keras").read_bytes()) == (None, finished.read_model(loser(finished)))
    assert card["trial"] == loser(finished)


def test_a_trial_without_a_model_is_exported_as_a_script(finished: RunFolder, tmp_path: Path) -> None:
    folder = without_losers_model(finished, tmp_path)
    written = export(folder, to=tmp_path / "new" / "folder", trial=loser(finished))

    assert {path.name for path in written.files} == {"train.py", "model_card.md", "trials.csv"}
    assert written.note is not None
    assert "was not kept" in written.note


def test_an_unknown_trial_is_refused(finished: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"invalid --trial '99': expected a trial with a score: 0, 1"):
        export(finished, to=tmp_path, trial=99)


def test_another_format_needs_the_model(finished: RunFolder, tmp_path: Path) -> None:
    folder = without_losers_model(finished, tmp_path)
    with pytest.raises(UsageError, match="the model of trial . was not kept"):
        export(folder, to=tmp_path, trial=loser(finished), formats=Formats(onnx=True))


def test_a_model_that_is_not_the_measured_one_is_not_exported(
    finished: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(finished.path, tmp_path / "small")
    with (run / "best/model.keras").open("ab") as model:
        model.write(b"forged")
    code = run_command_line(["export", str(run), "--to", str(tmp_path / "exported")])

    assert code == 2
    assert "is not the model that model_card.json beside it was written for" in capsys.readouterr().err
    assert not (tmp_path / "exported").exists()


LOADING = {
    "model.keras": "import keras; p = keras.models.load_model(sys.argv[1]).predict(images, verbose=0)",
    "saved_model": (
        "import tensorflow as tf; model = tf.saved_model.load(sys.argv[1]); p = model.serve(images.astype('float32'))"
    ),
    "model.onnx": (
        "import onnxruntime; session = onnxruntime.InferenceSession(sys.argv[1]); "
        "(p,) = session.run(None, {session.get_inputs()[0].name: images.astype('float32')})"
    ),
}
"""How a model is used with its own library alone: images in, `p` out."""


def probabilities_of(model: Path, place: Path) -> np.ndarray:
    """Return what a model says of all test digits, in a process that knows nothing of Tamiz."""
    images, found = place / "images.npy", place / "found.npy"
    np.save(images, load("digits", directories=DataDirectories.from_environment()).test_images)
    program = "\n".join(
        [
            "import sys, numpy",
            "images = numpy.load(sys.argv[2])",
            LOADING[model.name],
            "numpy.save(sys.argv[3], numpy.asarray(p))",
            "assert not {'search', 'objectives', 'spaces'} & {*sys.modules}",
        ]
    )
    subprocess.run(
        [sys.executable, "-c", program, str(model), str(images), str(found)],
        cwd=place,
        check=True,
        timeout=280,
    )
    return np.load(found)


def test_the_exported_model_gives_the_stored_probabilities_in_a_fresh_process(
    exported: Path, finished: RunFolder, tmp_path: Path
) -> None:
    stored = load_predictions(finished.best / "predictions.npz")

    found = probabilities_of(exported / "model.keras", tmp_path)
    np.testing.assert_allclose(found[stored.images], stored.probabilities, atol=1e-5)


def test_a_saved_model_gives_the_stored_probabilities_in_a_fresh_process(finished: RunFolder, tmp_path: Path) -> None:
    written = export(finished, to=tmp_path, formats=Formats(saved_model=True))
    stored = load_predictions(finished.best / "predictions.npz")

    assert tmp_path / "saved_model" in written.files
    found = probabilities_of(tmp_path / "saved_model", tmp_path)
    np.testing.assert_allclose(found[stored.images], stored.probabilities, atol=1e-5)


def test_an_onnx_model_gives_the_stored_probabilities_in_a_fresh_process(finished: RunFolder, tmp_path: Path) -> None:
    for package in ("tf2onnx", "onnxruntime"):
        pytest.importorskip(package, reason=f"needs {package}, which Tamiz does not bring")
    export(finished, to=tmp_path, formats=Formats(onnx=True))
    stored = load_predictions(finished.best / "predictions.npz")

    found = probabilities_of(tmp_path / "model.onnx", tmp_path)
    np.testing.assert_allclose(found[stored.images], stored.probabilities, atol=1e-5)


def test_without_its_package_onnx_is_one_error_that_names_it(
    finished: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)  # as where it is not installed
    code = run_command_line(["export", str(finished.path), "--to", str(tmp_path), "--onnx"])
    told = capsys.readouterr()

    assert (code, told.out) == (2, "")
    assert told.err.startswith("error: Keras can't write model.onnx here: ")
    assert "onnx" in told.err.partition(": Keras can't write model.onnx here: ")[2]
    assert told.err.endswith("; install the package that is missing\n")
    assert (tmp_path / "model.keras").is_file()


def digit_files(folder: Path, count: int) -> list[Path]:
    """Write the first test digits as PNG files."""
    images = load("digits", directories=DataDirectories.from_environment()).test_images[:count]
    files = [folder / f"{number}.png" for number in range(count)]
    for file, pixels in zip(files, images, strict=True):
        Image.fromarray(pixels[..., 0]).save(file)
    return files


def test_predictions_are_those_of_the_search(exported: Path, finished: RunFolder, tmp_path: Path) -> None:
    answers = predict_files(exported / "model.keras", digit_files(tmp_path, 20))
    stored = load_predictions(finished.best / "predictions.npz")

    found = np.array([prediction.probabilities for prediction in answers.predictions])
    np.testing.assert_allclose(found, stored.probabilities[:20], atol=1e-5)


def test_predict_prints_json(finished: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = digit_files(tmp_path, 1)
    code = run_command_line(["predict", str(finished.best / "model.keras"), str(file), "--json"])
    told = json.loads(capsys.readouterr().out)

    assert (code, told["images"][0]["file"], told["classes"]) == (0, str(file), list("0123456789"))
    assert sum(told["images"][0]["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)


def test_a_file_that_is_no_image_is_named_and_the_rest_is_told(
    finished: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = digit_files(tmp_path, 1)
    (tmp_path / "text.png").write_text("no image")
    arguments = ["predict", str(finished.best / "model.keras"), str(file), str(tmp_path / "text.png"), "--csv"]
    code = run_command_line(arguments)
    lines = capsys.readouterr().out.splitlines()

    assert (code, len(lines)) == (3, 3)
    assert "not an image of a known format" in lines[2]
