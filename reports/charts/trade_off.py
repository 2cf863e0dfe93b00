"""Scores against what they cost, as a chart."""

from __future__ import annotations

from reports.charts.spec import Axis, Chart, Series
from reports.charts.trials import drawn_of, note_on, score_axis
from reports.findings.trade_off import TradeOff
from reports.stored.run import Run
from reports.wording import metric_name, score, value


def trade_off_chart(found: TradeOff, run: Run) -> Chart:
    """Draw finished trials and their front."""
    metric = run.record.metric
    told = "; ".join(f"{score(trial.score, metric)} at {value(other)}" for other, trial in found.front)
    order = sorted(found.front, key=lambda point: point[0])
    return Chart(
        name="trade-off",
        title=f"What a good score costs in {found.name}",
        alternative=f"{metric_name(metric).capitalize()} against {found.name}. Not beaten in both: {told}.",
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
