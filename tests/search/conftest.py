"""What the tests of searches share: one small finished search."""

from __future__ import annotations

from tests.search.fixtures.finished_study import finished

__all__ = ["finished"]
