"""Spaces that cannot train, and what a run says when it ends."""

from __future__ import annotations

import re
import resource

from tests.cases.inputs import space
from tests.cases.shell import REPOSITORY, Case, Shell, expect


def impossible_filters(shell: Shell) -> None:
    """A network of 10^9 filters."""
    huge = "ConvNet(stages=(Stage(filters=10**9, convolutions=1),), kernel=3)"
    space(shell.folder / "huge.py", network=huge)
    options = "--data digits --trials 1 --epochs 1 --executor inline --study s"
    done = shell.search(f"run --space huge.py {options}").expect(6, "network is too large: its weights would need")
    expect("alone" not in done.err, "a trial was tried again alone, though none trained beside it")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20  # of all commands so far
    expect(peak < 4, f"{peak:.1f} GiB of memory were taken")


def timeout(shell: Shell) -> None:
    """A search whose time is up before its trials are done, on a terminal."""
    space(shell.folder / "tiny.py")
    command = "run --space tiny.py --data digits --trials 500 --epochs 2 --executor inline --study s --timeout 20s"
    done = shell.on_terminal(command).expect(0, "measuring", "writing the report")
    after = done.err[done.err.index("measuring") :]
    expect("0s left" not in after, "the display says that 0s are left while the winner is measured")
    expect("python -m search resume s\r\n" in done.err, f"no plain command that continues: {done.err[-300:]}")
    status = shell.search("status s").expect(0, "python -m search resume s\n")
    expect("--trials" not in status.out, f"status adds trials to a study that lacks some: {status.out}")


def until_98(shell: Shell) -> None:
    """`--until 98` with a metric from 0 to 1."""
    refused = shell.search("run --space cnn_cifar --data digits --until 98 --executor inline")
    refused.expect(2, "invalid --until", "expected")


def mended_space(shell: Shell) -> None:
    """A space that fails, then is mended, then continues under the same name."""
    run = "run --space tiny.py --data digits --trials 1 --epochs 1 --executor inline --study s"
    space(shell.folder / "tiny.py", choices="rate = undefined")
    broken = shell.search(run)
    expect(broken.exit_code in (2, 6), f"exit code {broken.exit_code} of the broken space")
    expect("undefined" in broken.err, f"the fault is not named: {broken.err[-300:]}")
    space(shell.folder / "tiny.py")
    shell.search(run).expect(0, "1 complete")


def readme_space(shell: Shell) -> None:
    """The space and the command of README, typed from there."""
    readme = (REPOSITORY / "README.md").read_text()
    (own,) = [block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "def suggest" in block]
    command, name = re.findall(r"^python -m search (run --space (my_\w+)\.py .*)$", readme, re.MULTILINE)[0]
    (shell.folder / f"{name}.py").write_text(own)
    shell.search(f"{command} --trials 1 --epochs 1 --workers 1").expect(0, "1 complete", f"{name}-digits/report.html")


CASES = (
    Case(name="1e9-filters", play=impossible_filters),
    Case(name="timeout-on-a-terminal", play=timeout),
    Case(name="until-98", play=until_98, trains=False),
    Case(name="space-that-was-mended", play=mended_space),
    Case(name="space-typed-from-readme", play=readme_space),
)
