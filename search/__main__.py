"""`python -m search`, and the installed script `tamiz`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from search.cli.app import run_command_line
    from search.cli.output import exit_process

    exit_process(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
