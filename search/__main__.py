"""`python -m search`, and the installed script `tamiz`."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run the command line and end the process with its exit code."""
    look_last_in_the_working_folder()
    from search.cli.app import run_command_line
    from search.cli.output import exit_process

    exit_process(run_command_line(sys.argv[1:]))


def look_last_in_the_working_folder() -> None:
    """Let modules be found there only where no installed package has their name; `python -m` puts it first.

    A folder named `reports` or `numpy` among a user's files would otherwise be imported in place of the package.
    """
    here, root = str(Path.cwd()), str(Path(__file__).resolve().parents[1])
    if here == root or here not in sys.path:
        return
    sys.path[:] = [folder for folder in sys.path if folder != here]
    if root not in sys.path:  # an editable install, whose own finder comes after folders of the same name
        sys.path.append(root)
    sys.path.append(here)


if __name__ == "__main__":
    main()
