"""A small space that writes down which epochs workers train, and of which the driver hears.

The program copies it into a folder of its own, and the lines go into `epochs.log` beside it: outside everything that
Tamiz writes, so that what was trained twice can't hide. Each line is "verb trial epoch seconds": a worker has
`trained`, the driver has `heard`. Epochs here are so short that checkpoints would be shared; each gets one.
"""

import functools
import math
import os
import sys
import time
from pathlib import Path

from spaces.recipe import Augment, ConvNet, Fit, Recipe, Stage

DEFAULT_DATA = "digits"
BASELINES = {"by_hand": {"filters": 6, "learning_rate": 0.003}}


def suggest(trial):
    """Choose a network that draws at random while it is trained."""
    stages = (Stage(filters=trial.suggest_int("filters", 4, 8), convolutions=1),)
    rate = trial.suggest_float("learning_rate", 1e-3, 1e-2, log=True)
    return Recipe(
        network=ConvNet(stages=stages, kernel=3, batch_norm=True, dropout=0.2),
        fit=Fit(learning_rate=rate, schedule="cosine", batch_size=8),
        augment=Augment(shift=0.1),
    )


def _write(verb, trial, epoch):
    line = f"{verb} {trial} {epoch} {time.time():.3f}\n".encode()
    log = os.open(Path(__file__).with_name("epochs.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(log, line)  # one call: lines of several processes do not mix
    os.close(log)


def _watch_worker():
    # The actor's own methods can't be replaced: Ray holds them from before the space is imported.
    from objectives.messages import TrainingTask
    from objectives.training.training import Training

    advance = Training.advance
    latest = {}

    def receive_watched(self, state):
        self.__dict__.update(state)
        latest["trial"] = self.trial

    @functools.wraps(advance)
    def advance_watched(self, **given):
        report = advance(self, **given)
        _write("trained", latest["trial"], report.epoch)
        return report

    TrainingTask.__setstate__ = receive_watched
    Training.advance = advance_watched


def _watch_driver():
    import search.trainings.checkpoints
    from search.study.study import Study

    decide = Study.decide

    @functools.wraps(decide)
    def decide_watched(self, trial, report, **given):
        _write("heard", trial.number, report.epoch)
        return decide(self, trial, report, **given)

    Study.decide = decide_watched
    search.trainings.checkpoints._largest_fraction = math.inf


if "search.workers.ray_backend.actor" in sys.modules:  # a worker: the driver imports that after its space
    _watch_worker()
else:
    _watch_driver()
