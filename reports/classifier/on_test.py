"""Models on the same test images: each by itself, and beside the one that is handed over."""

from __future__ import annotations

from objectives.evaluation.metrics import METRICS
from objectives.messages import Predictions
from reports.classifier.calibration import calibration
from reports.classifier.intervals import bootstrap_p, mcnemar, metric_score, score_interval
from reports.stored.for_the_record import AgainstAnswer, OnTest

_accuracy = METRICS["val_accuracy"]


def on_test(predictions: Predictions, metric: str) -> OnTest:
    """Return the scores of a model on the test images, of a study that optimises `metric`."""
    found, labels = predictions.probabilities, predictions.labels
    return OnTest(
        accuracy=_accuracy.measure(found, labels),
        interval_95=score_interval(_accuracy, predictions),
        score=metric_score(metric, predictions),
        loss=METRICS["val_loss"].measure(found, labels),
        macro_f1=METRICS["macro_f1"].measure(found, labels),
        calibration_error=calibration(found, labels).error,
    )


def against_answer(answer: Predictions, other: Predictions, metric: str) -> AgainstAnswer:
    """Compare a model with the one that is handed over; both saw the same images in the same order."""
    right = [one.probabilities.argmax(axis=1) == one.labels for one in (answer, other)]
    exact = mcnemar(*right)
    is_accuracy = metric == _accuracy.name
    return AgainstAnswer(
        only_answer_right=exact.only_first,
        only_this_right=exact.only_second,
        p_accuracy=exact.p,
        p_score=None if is_accuracy else bootstrap_p(METRICS[metric], answer, other),
    )
