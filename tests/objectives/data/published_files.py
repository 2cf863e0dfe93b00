"""Published datasets in miniature: the same file formats, a few images."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np


def write_idx(folder: Path, *, train: int = 40, test: int = 10) -> Path:
    """Write the four files of the MNIST family, with images of 4x5 and ten classes."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", train), ("t10k", test)):
        images = np.random.default_rng(count).integers(0, 256, (count, 4, 5), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            with gzip.open(folder / f"{part}-{kind}-ubyte.gz", "wb") as file:
                file.write(header + array.tobytes())
    return folder


def write_cifar10(path: Path, *, each: int = 20) -> Path:
    """Write a `cifar-10-binary.tar.gz` of so many images a file; image i of a file is all of shade i."""
    path.parent.mkdir(parents=True, exist_ok=True)
    records = b"".join(
        bytes([i % 10]) + bytes([i]) * 1024 + bytes([100]) * 1024 + bytes([200]) * 1024 for i in range(each)
    )
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    members = {f"data_batch_{number}.bin": records for number in range(1, 6)}
    members |= {"test_batch.bin": records, "batches.meta.txt": "\n".join(names).encode() + b"\n\n"}
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path
