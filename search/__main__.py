"""`python -m search`, and the installed script `tamiz`."""

from __future__ import annotations

import os  # with sys, all that Python imports before it looks into the working folder
import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    leave_out_the_working_folder()
    from search.cli.app import run_command_line
    from search.cli.output import exit_process

    exit_process(run_command_line(sys.argv[1:]))


def leave_out_the_working_folder() -> None:
    """Look for no modules there: `python -m` puts it first, so that a user's `reports` or `numpy.py` would be taken.

    A space that imports its neighbours finds them all the same, see `spaces.catalogue`.
    """
    here, root = os.getcwd(), os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH109, PTH120
    if here != root:
        sys.path[:] = [folder for folder in sys.path if folder != here]


if __name__ == "__main__":
    main()
