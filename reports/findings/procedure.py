"""How the search was done: the facts that let someone repeat or doubt it."""

from __future__ import annotations

from dataclasses import dataclass

from reports.stored.outcome import devices_of
from reports.stored.run import Run
from reports.wording import count, label, metric_name, value

_shown_apart = ("space", "study", "data", "storage", "runs", "trials", "metric", "epochs", "seed", "sampler", "pruner")


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One line of the account."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class FactGroup:
    """Facts about one thing."""

    title: str
    facts: tuple[Fact, ...]


def account(run: Run) -> tuple[FactGroup, ...]:
    """Return the account of a run: data, search, settings, versions."""
    return (
        FactGroup(title="Data", facts=_data(run)),
        FactGroup(title="Search", facts=_search(run)),
        FactGroup(title="Versions", facts=tuple(Fact(name=n, text=v) for n, v in sorted(run.record.versions.items()))),
    )


def _data(run: Run) -> tuple[Fact, ...]:
    data = run.record.data
    smallest, largest = min(data.class_counts, default=0), max(data.class_counts, default=0)
    sizes = f"{smallest:,}" if smallest == largest else f"{smallest:,} to {largest:,}"
    return (
        Fact(name="name", text=data.name),
        Fact(name="images", text=f"{data.height} × {data.width} pixels, {count(data.channels, 'channel')}"),
        Fact(name="training", text=count(data.train, "image")),
        Fact(name="validation", text=f"{count(data.validation, 'image')}; all choices were made on these"),
        Fact(
            name="test",
            text=f"{count(data.test, 'image')}; only looked at after the search, by models that were chosen before",
        ),
        Fact(
            name="classes",
            text=f"{len(data.classes)}, with {sizes} training and validation images each",
        ),
        Fact(name="bad files", text=f"{count(len(data.bad_files), 'file')} left out" if data.bad_files else "none"),
        Fact(name="fingerprint", text=data.fingerprint),
    )


def _search(run: Run) -> tuple[Fact, ...]:
    record, settings = run.record, run.record.settings
    devices = devices_of(trial.record for trial in run.trials if trial.record)
    seeds = [trial.record.seed for trial in run.trials if trial.record]
    facts = [
        Fact(name="space", text=f"{record.space}: {record.space_summary}"),
        Fact(name="score", text=f"{metric_name(record.metric)}, to {record.direction}; a trial's best epoch counts"),
        Fact(name="epochs", text=f"{record.epochs} for a trial that is not stopped"),
        *(Fact(name=name, text=value(settings[name])) for name in ("sampler", "pruner") if name in settings),
        Fact(
            name="seed",
            text=f"{value(settings.get('seed'))}; each trial has its own, derived from it ({len(set(seeds))} so far)",
        ),
        Fact(name="seed of the split", text=value(record.seed_of_split)),
        Fact(name="started", text=record.created),
        *(Fact(name="device", text=device) for device in devices),
    ]
    others = [name for name in settings if name not in _shown_apart and settings[name] is not None]
    return (*facts, *(Fact(name=label(name), text=value(settings[name])) for name in others))
