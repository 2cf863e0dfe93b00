"""Overfitting, told from the losses."""

from __future__ import annotations

import numpy as np

from reports.classifier.learning import learning_sentence, overfitting_epoch
from reports.stored.run import History


def history(training: list[float], validation: list[float]) -> History:
    columns = {"score": np.array(validation), "loss": np.array(training), "val_loss": np.array(validation)}
    return History(epochs=np.arange(1, len(training) + 1, dtype=np.int32), columns=columns)


def test_overfitting_starts_after_the_least_validation_loss() -> None:
    found = history([1.0, 0.8, 0.6, 0.4, 0.3, 0.2], [1.1, 0.9, 0.8, 0.7, 0.8, 0.9])
    assert learning_sentence(found) == (
        "Overfitting starts at epoch 5: training loss keeps falling (0.400 to 0.200), "
        "validation loss rises (0.700 to 0.900)."
    )


def test_a_validation_loss_that_falls_to_the_end_is_no_overfitting() -> None:
    assert learning_sentence(history([1.0, 0.5], [1.0, 0.6])).startswith(
        "No overfitting: validation loss was still falling"
    )


def test_a_rise_within_two_percent_is_not_called_overfitting() -> None:
    assert overfitting_epoch(history([1.0, 0.5, 0.4], [1.0, 0.6, 0.605])) is None


def test_both_losses_rising_is_divergence_not_overfitting() -> None:
    assert overfitting_epoch(history([1.0, 0.5, 0.9], [1.0, 0.6, 1.2])) is None


def test_one_epoch_shows_no_trend() -> None:
    assert learning_sentence(history([1.0], [1.0])) == "1 epoch of training: too few to see a trend."
