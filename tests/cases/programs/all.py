"""All cases, in the order in which `--all` plays them."""

from __future__ import annotations

from tests.cases.programs import (
    class_order,
    cluster,
    continuing,
    copies,
    ending,
    environment,
    layouts,
    measuring,
    pixels,
    readme,
    tables,
)

PROGRAMS = (
    copies, pixels, layouts, tables, class_order, measuring, continuing, environment, ending, readme, cluster,
)  # fmt: skip
CASES = tuple(case for program in PROGRAMS for case in program.CASES)
