"""A person's own space file whose networks fail in the way that they are told."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.build import build
from spaces.recipe import Fit, Network, Recipe
from spaces.suggest import Suggest


@dataclass(frozen=True, kw_only=True)
class Odd(Network):
    """Pixels straight to the output layer, unless `fault` says otherwise."""

    fault: str = ""
    nodes: str = ""
    """Folder where the worker leaves a file with its pid, named after its Ray node; "": nowhere."""


@build.register(Odd)
def _build(network: Odd, images: Any) -> Any:
    import keras

    if network.fault == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if network.fault == "crashed":
        ctypes.string_at(0)
    if network.fault == "aborted":
        os.abort()
    if network.fault == "left":
        sys.exit(7)
    if network.fault == "asleep":
        time.sleep(1e6)
    if network.fault == "busy":
        while True:
            pass
    if network.fault == "stopped":
        os.kill(os.getpid(), signal.SIGSTOP)
    if network.fault == "broken":
        raise LookupError("no such layer")
    if network.fault == "out of memory":
        raise MemoryError
    if network.fault == "out of GPU memory":
        raise type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor on /device:GPU:0")
    if network.nodes:
        import ray

        Path(network.nodes, ray.get_runtime_context().get_node_id()).write_text(str(os.getpid()))
    return keras.layers.Flatten()(images)


def suggest(trial: Suggest) -> Recipe:
    """Choose a fault."""
    return odd(fault=trial.suggest_categorical("fault", ["", "broken"]))


def odd(*, fault: str = "", nodes: str = "") -> Recipe:
    """Return a recipe with a fault."""
    return Recipe(network=Odd(fault=fault, nodes=nodes), fit=Fit(learning_rate=0.01, batch_size=64))
