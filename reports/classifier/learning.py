"""How a network learned: where overfitting starts, in words."""

from __future__ import annotations

import numpy as np

from reports.stored.run import History
from reports.wording import count

_noticeable = 0.1
"""Rise of the validation loss, as a fraction of its least, below which it is not reported."""


def overfitting_epoch(history: History) -> int | None:
    """Return the first epoch of overfitting, or None.

    It is the epoch after the one with the least validation loss, where from there to the last epoch
    the validation loss rises noticeably and the training loss falls.
    """
    training, validation = history.columns.get("loss"), history.columns.get("val_loss")
    if training is None or validation is None or len(validation) < 2 or not np.isfinite(validation).all():
        return None
    least = int(validation.argmin())
    rises = validation[-1] > validation[least] * (1 + _noticeable)
    falls = training[-1] < training[least]
    return int(history.epochs[least + 1]) if rises and falls else None


def learning_sentence(history: History) -> str:
    """Say what the losses tell about the length of the training."""
    training, validation = history.columns.get("loss"), history.columns.get("val_loss")
    if training is None or validation is None:
        return "The losses of this trial were not recorded."
    if len(validation) < 2:
        return f"{count(len(validation), 'epoch')} of training: too few to see a trend."
    start = overfitting_epoch(history)
    if start is not None:
        at = int(validation.argmin())
        return (
            f"Overfitting starts at epoch {start}: training loss keeps falling "
            f"({training[at]:.3f} to {training[-1]:.3f}), "
            f"validation loss rises ({validation[at]:.3f} to {validation[-1]:.3f})."
        )
    if int(validation.argmin()) == len(validation) - 1:
        return (
            f"No overfitting: validation loss was still falling at the last epoch ({validation[-1]:.3f}), "
            "so longer training may improve it."
        )
    return f"No clear overfitting: validation loss stays near its minimum, {np.nanmin(validation):.3f}."
