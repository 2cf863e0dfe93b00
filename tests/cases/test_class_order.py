"""The order of classes is told where a model is used outside Tamiz."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.results.predict import predict_files

SPACE = '''
"""One small convolution: quick.

python -m search run --space tiny.py --data digits
"""
from __future__ import annotations
from spaces.recipe import Fit, Recipe
from spaces.networks import ConvNet, Stage
from spaces.suggest import Suggest

DEFAULT_DATA = "digits"
BASELINES = {}


def suggest(trial: Suggest) -> Recipe:
    """Choose."""
    return Recipe(
        network=ConvNet(stages=(Stage(filters=8, convolutions=1),), kernel=3),
        fit=Fit(learning_rate=trial.suggest_float("learning_rate", 3e-3, 3e-2, log=True), batch_size=32),
    )
'''
ROOT = Path(__file__).resolve().parents[2]


def tamiz(*words: str, cwd: Path) -> str:
    """Run a command; returns its stderr."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TAMIZ_CACHE": str(cwd / "cache")}
    command = [sys.executable, "-m", "search", *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=True).stderr


@pytest.mark.slow
def test_the_card_s_lines_for_keras_give_the_accuracy_of_predict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    for label in range(1, 13):  # Keras sorts these as 1, 10, 11, 12, 2, ...
        (tmp_path / "photos" / str(label)).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 60, (8, 8)).astype(np.uint8)
            pixels.reshape(-1)[5 * label : 5 * label + 4] = 255
            Image.fromarray(pixels).save(tmp_path / "photos" / str(label) / f"{number}.png")
    (tmp_path / "tiny.py").write_text(SPACE.strip())
    options = ("--trials", "1", "--epochs", "10", "--executor", "inline", "--image-size", "8", "--study", "s")
    end = tamiz("run", "--space", "tiny.py", "--data", "photos", *options, cwd=tmp_path)
    tamiz("export", "s", "--to", ".", cwd=tmp_path)
    use = (tmp_path / "model_card.md").read_text().partition("## Use")[2]
    snippet = use.partition("    card = ")[2].partition("\n\n")[0]
    program = f"import json\nfrom pathlib import Path\nimport keras\ncard = {snippet}".replace("\n    ", "\n").replace(
        "model.evaluate(images)", "found = model.evaluate(images, verbose=0)[1]"
    )
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(program, names)  # the lines that a user copies from the card

    files = sorted((tmp_path / "photos").glob("*/*.png"))
    answers = predict_files(tmp_path / "model.keras", files)
    likeliest = [answers.classes[int(np.argmax(one.probabilities))] for one in answers.predictions]  # type: ignore[arg-type]
    right = np.mean([file.parent.name == label for file, label in zip(files, likeliest, strict=True)])
    assert answers.classes == tuple(map(str, range(1, 13)))
    assert names["found"] == pytest.approx(right, abs=1e-6)
    assert right > 0.2  # by chance, one in twelve
    assert "its classes, in the order of its outputs: model_card.json beside it" in end
