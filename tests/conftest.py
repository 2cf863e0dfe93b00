"""What all tests share: an isolated environment, a small dataset, the servers."""

from __future__ import annotations

import atexit
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from objectives.messages import Examples, StudyData
from tests.servers.mariadb import MariaServer, mariadb, mariadb_server
from tests.servers.postgres import PostgresServer, postgres, postgres_server
from tests.servers.ray_cluster import ray_cluster

# A fixture of the session that a test module imports itself would be made again for that module.
__all__ = ["mariadb", "mariadb_server", "postgres", "postgres_server", "ray_cluster"]

# Read once, when Keras or TensorFlow is first imported: before any fixture could set them.
_keras_home = tempfile.TemporaryDirectory(prefix="tamiz-keras-")
atexit.register(_keras_home.cleanup)
os.environ["KERAS_HOME"] = _keras_home.name
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a person's own settings, data and cache out of the tests, and the tests out of theirs."""
    for name in [name for name in os.environ if name.startswith("TAMIZ_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TAMIZ_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TAMIZ_CACHE", str(tmp_path / "cache"))


@pytest.fixture(params=["postgres", "mariadb"])
def database_server(request: pytest.FixtureRequest) -> PostgresServer | MariaServer:
    """Each of the servers on which a study may be."""
    server: PostgresServer | MariaServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session")
def small_digits() -> StudyData:
    """Real handwritten digits, 8x8x1: 320 to train on, 80 to validate on, 100 to test on, all classes alike."""
    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    labels = digits.target.astype(np.int32)
    images.flags.writeable = labels.flags.writeable = False  # as in Ray's object store

    rows = np.arange(len(labels), dtype=np.int32)
    rest, test = train_test_split(rows, test_size=100, stratify=labels, random_state=0)
    few, _ = train_test_split(rest, train_size=400, stratify=labels[rest], random_state=0)
    train, validation = train_test_split(few, test_size=80, stratify=labels[few], random_state=0)

    return StudyData(
        train=Examples(images=images, labels=labels, indices=train),
        validation=Examples(images=images, labels=labels, indices=validation),
        test=Examples(images=images, labels=labels, indices=test),
        classes=tuple("0123456789"),
    )
