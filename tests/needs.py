"""What a test needs from the machine, beyond Python packages."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")
"""Runs a command as a root whom permissions hold back, too."""


def not_here(what: str, *, debian_package: str) -> NoReturn:
    """Skip the running test with its reason; fail it where `CI=true` promises that all is installed."""
    reason = f"needs {what}, which is not installed (Debian's package: {debian_package})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
