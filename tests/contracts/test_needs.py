"""A server or a browser that is missing is no silent pass."""

from __future__ import annotations

import pytest

from tests.needs import not_here


def test_on_a_bare_machine_the_test_is_skipped_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="needs a browser, which is not installed"):
        not_here("a browser", debian_package="chromium")


def test_in_ci_the_test_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="needs a browser"):
        not_here("a browser", debian_package="chromium")
