"""What further trials would likely gain, from the scores of a study's own trials.

The best fifth of the trials that the sampler chose are taken for draws from the upper tail of what it chooses: on the
scale of log-odds (of losses: of logarithms) their distances from the next best one are exponentially distributed. The
tail then gives the distribution of the best of the further draws, and with it of the gain over the best so far.
Baselines and starts are part of what must be beaten, not of what is drawn. Compared with what further trials did gain
(`python -m benchmarks.curves gains`), the mean is right for random draws and too high where a start is near the best
that the data allow; the upper limit holds in both. A sampler that still learns may gain more than this tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from objectives.evaluation.metrics import METRICS
from reports.stored.outcome import Ended

FURTHER_TRIALS = 20
FEWEST = 10
"""Trials of the sampler that an estimate needs."""
_tail_share = 0.2
_fewest_of_tail = 4
_edge = 0.0005
"""Scores are kept so far from the ends of their range, where the scale would be infinite."""
_steps = 200
"""Of the distribution, for its mean."""


class Drawn(Ended, Protocol):
    """A trial with where it comes from."""

    @property
    def start(self) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class ExpectedGain:
    """By how much further trials will likely improve the best score, in the metric's unit; 0 where they will not."""

    trials: int
    """How many further ones."""
    mean: float
    most: float
    """What it stays below with a probability of 95 %."""


def expected_gain(trials: Iterable[Drawn], metric: str, *, further: int = FURTHER_TRIALS) -> ExpectedGain | None:
    """Return what further trials would likely gain; None: there are too few trials to tell.

    Args:
        trials: those of the study that have ended; a pruned one counts with the score that it had reached.
        metric: of their scores, one of `METRICS`.
        further: how many are to follow.
    """
    if metric not in METRICS:  # of a later version
        return None
    ended = [trial for trial in trials if trial.state in ("COMPLETE", "PRUNED")]
    complete = [_to_scale(trial.score, metric) for trial in ended if trial.state == "COMPLETE"]
    own = [trial for trial in ended if trial.baseline is None and trial.start is None]
    if len(own) < FEWEST or not complete:
        return None
    drawn = sorted((_to_scale(trial.score, metric) for trial in own), reverse=True)
    tail = max(_fewest_of_tail, math.ceil(_tail_share * len(drawn)))
    base = drawn[tail]
    if not math.isfinite(base):
        return None
    mean_excess = sum(value - base for value in drawn[:tail]) / tail
    best = max(complete)
    expected = further * tail / len(drawn)
    """Number of further trials in the tail."""

    def gain_at(probability: float) -> float:
        """Return the gain that the best of the further trials stays below with this probability."""
        reached = base + mean_excess * (math.log(expected) - math.log(-math.log(probability)))
        return max(0.0, abs(_from_scale(max(reached, best), metric) - _from_scale(best, metric)))

    return ExpectedGain(
        trials=further,
        mean=sum(gain_at((step + 0.5) / _steps) for step in range(_steps)) / _steps,
        most=gain_at(0.95),
    )


def gain_sentence(expected: ExpectedGain, metric: str) -> str:
    """Return "another 20 trials would likely gain less than 0.6 points"."""
    most = f"{100 * expected.most:.1f}" if METRICS[metric].is_fraction else f"{expected.most:.4f}"
    gain = f"less than {most}{' points' if METRICS[metric].is_fraction else ''}" if float(most) else "nothing"
    return f"another {expected.trials} trials would likely gain {gain}"


def _to_scale(score: float | None, metric: str) -> float:
    """Return a score on an unbounded scale on which more is better; without a score a trial is the worst."""
    if score is None:
        return -math.inf
    if METRICS[metric].is_fraction:
        inside = min(max(score, _edge), 1.0 - _edge)
        return math.log(inside / (1.0 - inside))
    return -math.log(max(score, _edge))


def _from_scale(value: float, metric: str) -> float:
    return 1.0 / (1.0 + math.exp(-value)) if METRICS[metric].is_fraction else math.exp(-value)
