"""What a Ray worker's process imports: on a cluster it has `spaces`, `objectives` and `search` only."""

from __future__ import annotations

import subprocess
import sys


def test_a_worker_imports_neither_reports_nor_optuna() -> None:
    program = (
        "import sys\n"
        "import search.workers.ray_backend.actor\n"
        "sys.exit(any(name in sys.modules for name in ('reports', 'optuna', 'sqlalchemy', 'keras')))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
