"""What a sampler learns of a trial that does not fit: Optuna's constraints."""

from __future__ import annotations

import optuna

from reports.stored.records import TrialRecord

GPU_MEMORY = "gpu_memory"
"""Constraint of a trial that needs more memory than its GPU has."""


def constrain(trial: optuna.Trial, record: TrialRecord, sampler: optuna.samplers.BaseSampler) -> None:
    """Record by how much of its GPU's memory a trial was too large, before it is told.

    A fraction, since TPE adds up the violations of a trial. CMA-ES reads none, and warns of that.
    """
    if record.missing_memory is not None and not isinstance(sampler, optuna.samplers.CmaEsSampler):
        trial.set_constraint(GPU_MEMORY, record.missing_memory)
