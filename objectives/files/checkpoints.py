"""Checkpoints as files: an `.npz` that is written whole or not at all, with its sha256 beside it, read strictly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.files.atomic import read_arrays, whole_file, write_whole
from objectives.messages import Checkpoint, EpochReport
from spaces.digest import sha256_of
from spaces.errors import RecordError
from spaces.recipe import Recipe
from spaces.records import from_plain, parse, to_plain

_schema = 1


@dataclass(frozen=True, kw_only=True)
class _Header:
    """The first array of the file, as JSON text; after it come the arrays that it counts, then the probabilities."""

    schema: int
    recipe: Recipe
    seed: int
    metrics: tuple[str, ...]
    """Names of the columns of the second array, after seconds and score; a row an epoch."""
    best_epoch: int
    variables: int
    optimizer: int
    best_weights: int


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint to `path`, then its sha256 as `sha256sum` would; without that, nothing reads it."""
    header = _Header(
        schema=_schema,
        recipe=checkpoint.recipe,
        seed=checkpoint.seed,
        metrics=tuple(checkpoint.reports[0].metrics),
        best_epoch=checkpoint.best_epoch,
        variables=len(checkpoint.variables),
        optimizer=len(checkpoint.optimizer),
        best_weights=len(checkpoint.best_weights),
    )
    arrays = (
        np.frombuffer(json.dumps(to_plain(header)).encode(), np.uint8),
        np.array([[report.seconds, report.score, *report.metrics.values()] for report in checkpoint.reports]),
        *checkpoint.variables,
        *checkpoint.optimizer,
        *checkpoint.best_weights,
        checkpoint.best_probabilities,
    )
    with whole_file(path) as file:
        np.savez(file, *arrays, allow_pickle=False)
    write_whole(digest_file(path), f"{sha256_of(path)}  {path.name}\n")


def load(path: Path) -> Checkpoint:
    """Return the checkpoint in `path`; raises `RecordError` where it is not what `save` wrote."""
    try:
        if digest_file(path).read_text() != f"{sha256_of(path)}  {path.name}\n":
            raise RecordError(f"{path}: its sha256 is not the one in {digest_file(path).name}")
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: can't be read as a checkpoint ({error})") from None
    try:
        return _checkpoint(list(read_arrays(path).values()))
    except (RecordError, ValueError, IndexError, TypeError) as error:
        raise RecordError(f"{path}: can't be read as a checkpoint ({error})") from None


def digest_file(path: Path) -> Path:
    """Return where the sha256 of a checkpoint is kept."""
    return path.with_name(f"{path.name}.sha256")


def _checkpoint(arrays: list[NDArray[Any]]) -> Checkpoint:
    header = from_plain(_Header, parse(arrays[0].tobytes()), where="checkpoint")
    if header.schema != _schema:
        raise RecordError(f"checkpoint: invalid schema {header.schema}: expected {_schema}")
    if len(arrays) != 3 + header.variables + header.optimizer + header.best_weights:
        raise RecordError(f"checkpoint: {len(arrays)} arrays, and its header counts others")
    reports = tuple(
        EpochReport(epoch=epoch, score=score, metrics=dict(zip(header.metrics, metrics, strict=True)), seconds=seconds)
        for epoch, (seconds, score, *metrics) in enumerate(arrays[1].tolist(), start=1)
    )
    rest = iter(arrays[2:])
    return Checkpoint(
        recipe=header.recipe,
        seed=header.seed,
        reports=reports,
        variables=tuple(next(rest) for _ in range(header.variables)),
        optimizer=tuple(next(rest) for _ in range(header.optimizer)),
        best_epoch=header.best_epoch,
        best_weights=tuple(next(rest) for _ in range(header.best_weights)),
        best_probabilities=next(rest),
    )
