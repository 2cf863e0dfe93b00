"""A Ray cluster of two nodes on this machine, one for all tests."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from search.system.output_capture import only_own_lines


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Any]:
    """A `ray.cluster_utils.Cluster` of two nodes with one processor each; `.address` is its address."""
    from ray.cluster_utils import Cluster

    os.environ.setdefault("RAY_worker_niceness", "0")  # else workers starve beside anything else that is busy
    with tempfile.TemporaryDirectory(prefix="tamiz-cluster-") as folder, only_own_lines(Path(folder, "log.txt")):
        cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 1,
                "include_dashboard": False,
                "object_store_memory": 100 * 2**20,
                "_system_config": {"worker_niceness": 0},  # as in a cluster of a search's own
            },
        )
        cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
        yield cluster
        cluster.shutdown()
