"""The private PostgreSQL server does what later tests count on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
import psycopg
import pytest

from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.slow


@contextmanager
def _opened(url: str) -> Iterator[optuna.storages.RDBStorage]:
    storage = optuna.storages.RDBStorage(url)
    yield storage
    storage.remove_session()
    storage.engine.dispose()


def test_optuna_keeps_a_study_in_it(postgres: PostgresServer) -> None:
    with _opened(postgres.url) as storage:
        study = optuna.create_study(storage=storage, study_name="smoke")
        trial = study.ask()
        trial.suggest_float("x", 0.0, 1.0)
        study.tell(trial, 0.25)

    with _opened(postgres.url) as storage:
        trials = optuna.load_study(storage=storage, study_name="smoke").trials

    assert [(t.state.name, t.value) for t in trials] == [("COMPLETE", 0.25)]


def test_it_asks_for_its_password(postgres: PostgresServer) -> None:
    address = postgres.url.replace("+psycopg", "").replace(postgres.password, "another")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(address)
