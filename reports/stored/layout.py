"""The layout of a run folder: the name of every file in it, once.

    settings.json            RunRecord
    split.npz                train, validation: int32 rows of the training images
    study.db                 Optuna's study; spool.jsonl: trials that the database has yet to take
    trials/0007/             recipe.json  history.csv  result.json  predictions.npz
                             model.keras (of some, see search.trainings.kept_models)
                             test_predictions.npz (of those measured for the record)
    trials/0007/refit/12/    the recipe trained for 12 epochs on training and validation images: the same files but
                             predictions.npz, and no score in them
    trials/0007/confirm/SEED/  the recipe trained again: the same files (a model only where the trial has none)
    confirmation.json        Confirmation: which recipe was chosen, by its scores on fresh seeds
    trials/0008/checkpoint/  0004.npz  0004.npz.sha256, of the last two epochs kept (of a trial under way)
    best/                    model.keras  model_card.json  recipe.json  train.py
                             predictions.npz (test images)  measurement.json  record.json
                             inside.json  thumbnails.npz  feature_maps.npz (all three optional)
    best/search/             model.keras  model_card.json  recipe.json  measurement.json of the search's own best model,
                             where another one is in best/
    ensemble/                model.keras  model_card.json  ensemble.json
    report.html  trials.csv  summary.json  log.txt  workers.log

`history.csv` has a row an epoch: epoch, seconds, score, then each metric by name. `predictions.npz`
holds `probabilities` float32 (n, classes), `labels` int32 (n,), `images` int32 (n,).
`thumbnails.npz` holds `images` int32 (m,), positions among the test images, and `pixels` uint8
(m, height, width, channels). `feature_maps.npz` holds, for each of `Inside.maps`, an array of that
name: uint8 (classes shown, height, width, channels shown), each map stretched to 0..255.
"""

from __future__ import annotations

from pathlib import Path

# in the run folder
SETTINGS = "settings.json"
SPLIT = "split.npz"
DATABASE = "study.db"
SPOOL = "spool.jsonl"
SUMMARY = "summary.json"
CONFIRMATION = "confirmation.json"
LOG = "log.txt"
WORKERS_LOG = "workers.log"
REPORT = "report.html"
LITE_REPORT = "report-lite.html"
TRIALS_TABLE = "trials.csv"
TRIALS = "trials"
BEST = "best"
ENSEMBLE = "ensemble"
ARTIFACTS = "artifacts"

# in a trial's folder and, but for those of the first line, in best/
RESULT, HISTORY, TRACEBACK = "result.json", "history.csv", "traceback.txt"
TEST_PREDICTIONS = "test_predictions.npz"
RECIPE, PREDICTIONS, MODEL = "recipe.json", "predictions.npz", "model.keras"

# in best/ alone
CARD = "model_card.json"
SCRIPT = "train.py"
MEASUREMENT = "measurement.json"
RECORD = "record.json"
INSIDE = "inside.json"
FEATURE_MAPS = "feature_maps.npz"
THUMBNAILS = "thumbnails.npz"

# folder in best/
SEARCH = "search"

# in ensemble/ alone
MEMBERS = "ensemble.json"


def trial(number: int, name: str = "") -> str:
    """Return the path of a trial's folder, or of a file in it, relative to the run folder."""
    return f"{TRIALS}/{number:04d}" + (f"/{name}" if name else "")


def refit(number: int, epochs: int) -> str:
    """Return the path of the folder in which a trial's recipe was trained on all images but the test images."""
    return trial(number, f"refit/{epochs}")


def confirmed(number: int, seed: int) -> str:
    """Return the path of the folder in which a trial's recipe was trained again with a fresh seed."""
    return trial(number, f"confirm/{seed}")


def trial_numbers(folder: Path) -> list[int]:
    """Return the numbers of the trials that have a folder, in order."""
    names = [path.name for path in (folder / TRIALS).glob("*")]
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())
