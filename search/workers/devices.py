"""The devices that the workers of a search compute on: remembered by worker, reported once each."""

from __future__ import annotations

from objectives.device_report import Device
from search.workers.protocol import WorkerReady
from spaces.errors import UsageError


class DevicesInUse:
    """The device of each worker, since it was last ready."""

    def __init__(self, wanted: str = "auto") -> None:
        """Begin with none; `wanted` as `--device` has it."""
        self._wanted = wanted
        self._by_worker: dict[int, Device] = {}
        self._reported: set[str] = set()

    def add(self, ready: WorkerReady) -> list[str]:
        """Remember a worker's device, and return the lines about it that were not returned before.

        Raises:
            UsageError: it is not what is wanted, or the workers have different backends.
        """
        device = ready.device
        if device is None:
            return []
        if self._wanted == "gpu" and device.kind != "gpu":
            raise UsageError(f"invalid --device 'gpu': {device.problem or device.in_words}")
        for other in self._by_worker.values():
            if other.backend != device.backend:
                raise UsageError(
                    f"the workers have different backends: {other.backend} on {other.node}, {device.backend} on "
                    f"{device.node}; install the same on all machines"
                )
        self._by_worker[ready.worker] = device
        lines = [f"trains on {device.in_words}", *([] if device.problem is None else [f"warning: {device.problem}"])]
        new = [line for line in lines if line not in self._reported]
        self._reported.update(new)
        return new

    def of(self, worker: int) -> Device | None:
        """Return a worker's device; None: unknown."""
        return self._by_worker.get(worker)
