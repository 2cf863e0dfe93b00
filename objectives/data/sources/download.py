"""Downloads of published files: over https, with a known SHA-256."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spaces.errors import DataError

CONNECT_SECONDS, STALL_SECONDS = 2.5, 30.0
"""Timeouts: for an address to answer, and between two pieces of a download."""
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A published file: where it is, and what it must be."""

    url: str
    sha256: str
    most_bytes: int
    """A longer download is aborted."""

    @property
    def name(self) -> str:
        """The last part of the URL."""
        return self.url.rsplit("/", 1)[-1]


def fetch(file: RemoteFile, folder: Path) -> Path:
    """Download `file` into `folder` unless it is there; return its path.

    Raises:
        DataError: no answer, other content than expected, or no room. Nothing is kept.
    """
    import pooch  # with requests it takes a moment to import, and most searches download nothing

    pooch.get_logger().setLevel("ERROR")
    try:
        path = pooch.retrieve(
            file.url,
            known_hash=f"sha256:{file.sha256}",
            fname=file.name,
            path=folder,
            downloader=partial(_download, most_bytes=file.most_bytes),
        )
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        raise DataError(f"cannot download {file.url}: {error}") from error
    return Path(path)


def _download(url: str, output_file: str, pooch: object, *, most_bytes: int) -> None:
    """Download to `output_file`; pooch calls this, checks the hash, and keeps the file or deletes it."""
    import requests

    session = requests.Session()
    del session.adapters["http://"]  # a redirect to http is an error then
    with session.get(url, stream=True, timeout=(CONNECT_SECONDS, STALL_SECONDS)) as response:
        response.raise_for_status()
        with Path(output_file).open("wb") as target:
            for chunk in response.iter_content(CHUNK_BYTES):
                if target.tell() + len(chunk) > most_bytes:
                    raise ValueError(f"more than {most_bytes} bytes")
                target.write(chunk)
