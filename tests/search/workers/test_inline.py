"""One worker in this process, with the real trainer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from objectives.devices import prepare
from objectives.messages import StudyData
from search.workers.inline import InlineWorkers
from tests.search.workers.contract import OBJECTIVE, WorkersContract


class TestInlineWorkers(WorkersContract):
    """The one worker of this process."""

    @pytest.fixture
    def workers(self, small_digits: StudyData) -> InlineWorkers:
        """One worker, idle."""
        prepare(threads=1, gpu=True)
        return InlineWorkers(data=small_digits, objective=OBJECTIVE)


def test_keras_is_not_imported_before_the_first_training() -> None:
    program = (
        "import sys, numpy as np\n"
        "from objectives.messages import *\n"
        "from search.workers.inline import InlineWorkers\n"
        "some = Examples(images=np.zeros((1, 2, 2, 1), np.uint8), labels=np.zeros(1, np.int32),"
        " indices=np.zeros(1, np.int32))\n"
        "data = StudyData(train=some, validation=some, test=None, classes=('a',))\n"
        "InlineWorkers(data=data, objective=Objective(metric='val_accuracy', epochs=1))\n"
        "sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow', 'ray')))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
