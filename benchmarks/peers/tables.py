"""What the runs of several tools say, as tables of ratios to the best peer."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

from benchmarks.peers.running import Ran

OURS = "tamiz"
SHARES = (0.95, 0.98, 1.0)


def listed_table(runs: Sequence[Ran]) -> list[str]:
    """Return the lines of a table: how long each tool took over the same configurations, seed by seed."""
    by = _by_tool(runs)
    best = min(_peers(by), key=lambda tool: statistics.median(_search_seconds(by[tool])))
    lines = [f"listed configurations: time to the end of the last epoch, ratios to {best}, the best peer"]
    titles = (
        f"{'search s':>8}  {'whole s':>8}  {'first epoch s':>13}  {'overhead s/trial':>16}  {'busy':>5}  {'MiB':>5}"
    )
    lines.append(f"{'tool':22}  {'ratio':>18}  {titles}")
    for tool, own in by.items():
        ratios = [one / other for one, other in zip(_search_seconds(own), _search_seconds(by[best]), strict=True)]
        lines.append(
            f"{tool:22}  {_spread(ratios):>18}  {_median(own, lambda r: r.search_seconds):8.1f}  "
            f"{_median(own, lambda r: r.wall_seconds):8.1f}  {_median(own, lambda r: r.epochs[0].at):13.1f}  "
            f"{_median(own, lambda r: r.overhead_seconds):16.2f}  {_median(own, lambda r: r.busy_share):5.2f}  "
            f"{_median(own, lambda r: r.peak_mib):5.0f}"
        )
    return lines


def own_table(runs: Sequence[Ran], seconds: float) -> list[str]:
    """Return the lines of a table: how soon each tool's own search was as good as the best peer's at the end."""
    by = _by_tool(runs)
    peers = _peers(by)
    goals = [max(by[peer][n].best for peer in peers) for n in range(len(by[peers[0]]))]
    lines = [
        f"each tool's own search for {seconds:.0f} s: seconds to a share of the best peer's final accuracy, medians"
    ]
    titles = "  ".join(f"{f'to {share:g}':>7}" for share in SHARES)
    titles += f"  {'accuracy':>8}  {'at half time':>12}  {'trials':>6}  {'busy':>5}  {'MiB':>5}"
    lines.append(f"{'tool':22}  {titles}  {f'{OURS} to its own final':>22}")
    for tool, own in by.items():
        times = [[one.seconds_to(share * goal) for one, goal in zip(own, goals, strict=True)] for share in SHARES]
        cells = "  ".join(f"{_seconds(statistics.median(each)):>7}" for each in times)
        lines.append(
            f"{tool:22}  {cells}  {_median(own, lambda r: r.best):8.4f}  "
            f"{_median(own, lambda r: _best_until(r, seconds / 2)):12.4f}  {_median(own, lambda r: r.trials):6.0f}  "
            f"{_median(own, lambda r: r.busy_share):5.2f}  {_median(own, lambda r: r.peak_mib):5.0f}  "
            f"{_ours_to_its_final(by, tool):>22}"
        )
    if OURS in by and len(by) > 1:
        fastest = [min(by[peer][n].seconds_to(goal) for peer in peers) for n, goal in enumerate(goals)]
        ratios = [one.seconds_to(goal) / peer for one, goal, peer in zip(by[OURS], goals, fastest, strict=True)]
        reached = sum(math.isfinite(ratio) for ratio in ratios)
        lines.append(
            f"{OURS} reached the accuracy of whichever peer was best in {reached} of {len(ratios)} searches; "
            f"its time over that of the first peer there: {_spread(ratios)}"
        )
    return lines


def _ours_to_its_final(by: dict[str, list[Ran]], peer: str) -> str:
    """Return our time to a peer's final accuracy over that peer's, seed by seed."""
    if OURS not in by or peer == OURS:
        return ""
    pairs = zip(by[OURS], by[peer], strict=True)
    return _spread([ours.seconds_to(its.best) / its.seconds_to(its.best) for ours, its in pairs])


def _by_tool(runs: Sequence[Ran]) -> dict[str, list[Ran]]:
    """Return the runs of each tool, by seed; the same seeds for each."""
    tools = dict.fromkeys(run.tool for run in runs)
    return {tool: sorted((r for r in runs if r.tool == tool), key=lambda r: r.seed) for tool in tools}


def _peers(by: dict[str, list[Ran]]) -> list[str]:
    return [tool for tool in by if tool != OURS] or list(by)


def _search_seconds(runs: Sequence[Ran]) -> list[float]:
    return [run.search_seconds for run in runs]


def _best_until(run: Ran, seconds: float) -> float:
    return max((epoch.score for epoch in run.epochs if epoch.at <= seconds), default=0.0)


def _median(runs: Sequence[Ran], what: Callable[[Ran], float]) -> float:
    return statistics.median(what(run) for run in runs)


def _seconds(found: float) -> str:
    return "never" if math.isinf(found) else f"{found:.0f}"


def _spread(ratios: Sequence[float]) -> str:
    median, low, high = (_ratio(ratio) for ratio in (statistics.median(ratios), min(ratios), max(ratios)))
    return f"{median} [{low}..{high}]"


def _ratio(found: float) -> str:
    return "never" if math.isinf(found) else f"{found:.2f}"
