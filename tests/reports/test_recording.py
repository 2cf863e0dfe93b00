"""What is recorded about a winner can be shown again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reports.mistakes import worth_a_look
from reports.reading import read_run
from reports.recording import write_thumbnails


@pytest.mark.parametrize(("side", "channels", "stored"), [(8, 1, 8), (300, 3, 96), (200, 1, 96)])
def test_thumbnails_are_read_back_at_most_96_pixels_large(copied: Path, side: int, channels: int, stored: int) -> None:
    predictions = read_run(copied).test
    assert predictions is not None
    images = np.full((360, side, side, channels), 7, dtype=np.uint8)
    write_thumbnails(copied / "best", predictions=predictions, images=images)
    thumbnails = read_run(copied).thumbnails
    assert thumbnails is not None
    assert sorted(thumbnails.pixels) == worth_a_look(predictions, most=24).tolist()
    assert {picture.shape for picture in thumbnails.pixels.values()} == {(stored, stored, channels)}
