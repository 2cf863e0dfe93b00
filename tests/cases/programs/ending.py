"""Spaces that cannot train, and what a run says when it ends."""

from __future__ import annotations

import resource
from dataclasses import replace

from tests.cases.inputs import space
from tests.cases.shell import Case, Shell, expect


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
    command = "run --space tiny.py --data digits --trials 500 --epochs 2 --executor inline --study s --timeout"
    for seconds in (15, 60):  # the first is enough unless others keep the machine busy
        done = shell.on_terminal(f"{command} {seconds}s")
        if "timed out before any trial completed" not in done.err:
            break
    done.expect(0, "writing the report")
    measuring = "measuring trial"  # 360 images may take less than a frame
    first = measuring if measuring in done.err else "writing the report"
    after = done.err[done.err.index(first) :]
    expect("running" not in after, "the display says that a trial is running while the winner is measured")
    expect(" left" not in after, "the display shows time left while the winner is measured")
    log = (shell.folder / "runs/s/log.txt").read_text()
    for line in ("trial 0 complete", "measuring trial", "ended: timed out"):
        expect(line in log, f"log.txt does not say: {line}")
    expect("python -m search resume s\r\n" in done.err, f"no plain command that continues: {done.err[-300:]}")
    status = shell.search("status s").expect(0, "python -m search resume s\n")
    expect("--trials" not in status.out, f"status adds trials to a study that lacks some: {status.out}")


def until_98(shell: Shell) -> None:
    """`--until 98` with a metric from 0 to 1."""
    refused = shell.search("run --space cnn_cifar --data digits --until 98 --executor inline")
    refused.expect(2, "invalid --until", "expected")


def settings_that_nobody_typed(shell: Shell) -> None:
    """A study of one epoch, continued without `--epochs`; then refused with another metric."""
    space(shell.folder / "tiny.py")
    run = "run --space tiny.py --data digits --executor inline --study s"
    shell.search(f"{run} --trials 1 --epochs 1").expect(0)
    shell.search(f"{run} --trials 2").expect(0, "2 complete")
    refused = shell.search(f"{run} --trials 3 --metric macro_f1").expect(4, "macro_f1")
    expect(refused.out == "", f"the refused command printed {refused.out!r}, an older report")


def until_is_reached(shell: Shell) -> None:
    """A study that ended at its score: the command for more must train something."""
    space(shell.folder / "tiny.py")
    options = "--data digits --trials 12 --epochs 1 --executor inline --study s --until 0.2 --json"
    done = shell.search(f"run --space tiny.py {options}").expect(0).json
    expect(done["trials"]["running"] == 0, f"{done['trials']['running']} running after the end")
    expect(done["trials"]["complete"] == 1, f"{done['trials']['complete']} complete")
    more = done["more_command"].removeprefix("python -m search ")
    expect("--trials" not in more, f"the command for more: {more}")
    went_on = shell.search(f"{more} --timeout 40s --json").expect(0).json
    expect(went_on["trials"]["complete"] > 1, f"nothing was trained by {more}")


def umask(shell: Shell) -> None:
    """Reports, models and exports obey the umask."""
    space(shell.folder / "tiny.py")
    with_umask = replace(shell, before=("sh", "-c", 'umask 022; exec "$@"', "sh"))
    run = "run --space tiny.py --data digits --trials 1 --epochs 1 --executor inline --study s"
    with_umask.search(run).expect(0)
    with_umask.search("export s --to winner").expect(0)
    for name in ("runs/s/report.html", "runs/s/best/model.keras", "winner/model.keras"):
        mode = (shell.folder / name).stat().st_mode & 0o777
        expect(mode == 0o644, f"{name} has mode {mode:o}")


def mended_space(shell: Shell) -> None:
    """A space that fails, then is mended, then continues under the same name."""
    run = "run --space tiny.py --data digits --trials 1 --epochs 1 --executor inline --study s"
    space(shell.folder / "tiny.py", choices="rate = undefined")
    broken = shell.search(run)
    expect(broken.exit_code in (2, 6), f"exit code {broken.exit_code} of the broken space")
    expect("undefined" in broken.err, f"the fault is not named: {broken.err[-300:]}")
    space(shell.folder / "tiny.py")
    shell.search(run).expect(0, "1 complete")


CASES = (
    Case(name="1e9-filters", play=impossible_filters),
    Case(name="timeout-on-a-terminal", play=timeout),
    Case(name="until-98", play=until_98, trains=False),
    Case(name="until-that-is-reached", play=until_is_reached),
    Case(name="settings-that-nobody-typed", play=settings_that_nobody_typed),
    Case(name="files-and-the-umask", play=umask),
    Case(name="space-that-was-mended", play=mended_space),
)
