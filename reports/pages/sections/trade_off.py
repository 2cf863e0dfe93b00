"""What a good score costs: each finished trial's score against its weights, or against a study's second objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from optuna.study import StudyDirection

from reports.charts.spec import Axis, Chart, Drawing, Series
from reports.charts.trials import drawn_of, note_on, score_axis
from reports.findings.findings import Findings
from reports.pages.section import Section
from reports.stored.run import Run, Trial
from reports.wording import count, metric_name, score, value

_most_listed = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class TradeOff:
    """Finished trials by score and by something else that matters."""

    name: str
    """What else: "weights", or "second objective"."""
    is_less_better: bool
    points: tuple[tuple[float, Trial], ...]
    """The other value and its trial, best score first."""
    front: tuple[tuple[float, Trial], ...]
    """Those that no other beats in one without losing in the other (Pareto), best score first."""

    def sentence(self, metric: str) -> str:
        """Say which trials are not beaten in both, from the best score to the cheapest."""
        unit = f" {self.name}" if self.name == "weights" else f" in the {self.name}"
        listed = [
            f"trial {trial.number} ({score(trial.score, metric)}, {value(other)}{unit})" for other, trial in self.front
        ]
        better = "fewer" if self.name == "weights" else "less" if self.is_less_better else "more"
        some = f"{count(len(listed), 'trial')} of {len(self.points)} {'is' if len(listed) == 1 else 'are'}"
        more = "; and more" if len(listed) > _most_listed else ""
        return f"{some} not beaten by one that scores as well with {better}: {'; '.join(listed[:_most_listed])}{more}."


def find_trade_off(run: Run) -> TradeOff | None:
    """Return what scores cost; None where fewer than two finished trials differ in it."""
    name, is_less_better, others = _second_objective(run) or _weights(run)
    points = tuple((others[trial.number], trial) for trial in run.ranked if trial.number in others)
    if len({other for other, _ in points}) < 2:
        return None
    return TradeOff(
        name=name, is_less_better=is_less_better, points=points, front=_front(points, is_less_better=is_less_better)
    )


def _second_objective(run: Run) -> tuple[str, bool, dict[int, float]] | None:
    if run.study is None or len(run.study.directions) < 2:
        return None
    stored = {trial.number: trial.values for trial in run.study.get_trials(deepcopy=False) if trial.values}
    is_less_better = run.study.directions[1] == StudyDirection.MINIMIZE
    return "second objective", is_less_better, {number: values[1] for number, values in stored.items()}


def _weights(run: Run) -> tuple[str, bool, dict[int, float]]:
    known = {trial.number: trial.record.parameters for trial in run.ranked if trial.record is not None}
    return "weights", True, {number: weights for number, weights in known.items() if weights}


def _front(points: tuple[tuple[float, Trial], ...], *, is_less_better: bool) -> tuple[tuple[float, Trial], ...]:
    sign = 1.0 if is_less_better else -1.0
    front: list[tuple[float, Trial]] = []
    for other, trial in points:  # best score first
        if not front or sign * other < min(sign * cost for cost, _ in front):
            front = [*((cost, known) for cost, known in front if known.score != trial.score), (other, trial)]
    return tuple(front)


def trade_off_chart(found: TradeOff, run: Run) -> Chart:
    """Draw finished trials and their front."""
    metric = run.record.metric
    listed = "; ".join(f"{score(trial.score, metric)} at {value(other)}" for other, trial in found.front)
    order = sorted(found.front, key=lambda point: point[0])
    return Chart(
        name="trade-off",
        title=f"What a good score costs in {found.name}",
        alternative=f"{metric_name(metric).capitalize()} against {found.name}. Not beaten in both: {listed}.",
        x=Axis(title=found.name, is_log=min(other for other, _ in found.points) > 0),
        y=score_axis(run),
        series=drawn_of(
            [
                Series(
                    label="finished trials",
                    x=tuple(other for other, _ in found.points),
                    y=tuple(trial.score for _, trial in found.points),
                    mark="points",
                    tone="accent",
                    notes=tuple(f"{note_on(trial, run)}, {value(other)} {found.name}" for other, trial in found.points),
                    opacity=0.55,
                ),
                Series(
                    label="not beaten in both",
                    x=tuple(other for other, _ in order),
                    y=tuple(trial.score for _, trial in order),
                    mark="dashed",
                    tone="contrast",
                ),
            ]
        ),
    )


class TradeOffSection(Section[TradeOff]):
    """Missing where fewer than two finished trials differ in what they cost."""

    name: ClassVar[str] = "trade_off"
    within: ClassVar[str | None] = "mattered"

    def find(self, findings: Findings) -> TradeOff | None:
        """Return what scores cost."""
        return find_trade_off(findings.run)

    def figures(self, value: TradeOff, findings: Findings, *, is_lite: bool) -> Mapping[str, Sequence[Drawing]]:
        """Draw scores against what they cost."""
        return {"chart": [trade_off_chart(value, findings.run)]}
