"""The command line: reads what was typed, calls what does it, and turns errors into lines and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from search.cli.export import compare, dashboard, export, predict
from search.cli.options import Options, parse_duration
from search.cli.options_typed import (
    AsJson,
    ClusterWait,
    ForkName,
    Quiet,
    Runs,
    Stall,
    Storage,
    StorageWait,
    Timeout,
    TrialTimeout,
)
from search.cli.output import Output, failure, forget_stdout, say, tell_error, write_crash
from search.cli.run import continue_study, search
from search.cli.show import check_data, doctor, report, show_space, spaces, status
from search.system.signals import Interrupted
from spaces.errors import TamizError, UsageError


class Commands(TyperGroup):
    """The commands; Ctrl-C before a search listens to it itself ends in our words, where Typer would be silent."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Run the command that was typed."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("stopped by Ctrl-C") from None


app = typer.Typer(
    name="python -m search",
    cls=Commands,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="""Search for the best Keras image classifier of a space, and report on it.

\b
  python -m search run --space cnn_cifar --data digits --trials 8
  python -m search run --space cnn_cifar --data path/to/folder --timeout 30m
  python -m search status cnn_cifar-digits
""",
)
app_spaces = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app_data = typer.Typer(rich_markup_mode=None)


@app.command()
def run(
    space: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="What to search; see `spaces`.")] = None,
    data: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Images; default: the space's own.")] = None,
    backbone: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="To start from: VGG16, VGG16:weights.h5, model.keras.")
    ] = None,
    trials: Annotated[int | None, typer.Option(metavar="N", help="Trials of the study in all; default: 50.")] = None,
    timeout: Timeout = None,
    trial_timeout: TrialTimeout = None,
    trial_stall: Stall = None,
    storage_wait: StorageWait = None,
    cluster_wait: ClusterWait = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Epochs of a trial; default: 8.")] = None,
    train_images: Annotated[int | None, typer.Option(metavar="N", help="Use only so many, stratified.")] = None,
    image_size: Annotated[int | None, typer.Option(metavar="N", help="Side of the images in pixels.")] = None,
    resize: Annotated[str | None, typer.Option(metavar="HOW", help="stretch, crop or pad.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out files that are no readable images.")] = False,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Default: one a GPU, else one a core.")] = None,
    study: Annotated[
        str | None, typer.Option(metavar="NAME", help="Default: SPACE-DATA. Continues if it exists.")
    ] = None,
    runs: Runs = None,
    storage: Storage = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of everything random; default: 0.")] = None,
    sampler: Annotated[
        str | None, typer.Option(metavar="NAME", help="tpe, random, gp, cmaes, qmc, grid, nsga2.")
    ] = None,
    pruner: Annotated[
        str | None, typer.Option(metavar="NAME", help="percentile, median, hyperband, halving, wilcoxon, none.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="val_accuracy, val_loss, macro_f1, worst_class_recall ...")
    ] = None,
    until: Annotated[float | None, typer.Option(metavar="VALUE", help="Stop at a score this good.")] = None,
    enqueue: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Baselines and starts to try first, or none; default: all.")
    ] = None,
    executor: Annotated[str | None, typer.Option(metavar="NAME", help="ray, or inline: in this process.")] = None,
    ray_address: Annotated[str | None, typer.Option(metavar="ADDRESS", help="A running Ray cluster.")] = None,
    insecure_ray: Annotated[bool, typer.Option("--insecure-ray", help="Without RAY_AUTH_MODE=token.")] = False,
    file: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Options in a TOML file.")] = None,
    fork: ForkName = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search, or continue a study of the same name."""
    typed = Options(
        space=space,
        data=data,
        backbone=backbone,
        trials=trials,
        timeout=None if timeout is None else parse_duration(timeout),
        trial_timeout=None if trial_timeout is None else parse_duration(trial_timeout, "--trial-timeout"),
        trial_stall=None if trial_stall is None else parse_duration(trial_stall, "--trial-stall"),
        storage_wait=None if storage_wait is None else parse_duration(storage_wait, "--storage-wait"),
        cluster_wait=None if cluster_wait is None else parse_duration(cluster_wait, "--cluster-wait"),
        epochs=epochs,
        train_images=train_images,
        image_size=image_size,
        resize=resize,
        skip_bad=skip_bad or None,
        workers=workers,
        study=study,
        runs=runs,
        storage=storage,
        seed=seed,
        sampler=sampler,
        pruner=pruner,
        metric=metric,
        until=until,
        enqueue=enqueue,
        executor=executor,
        ray_address=ray_address,
        insecure_ray=insecure_ray or None,
    )
    raise typer.Exit(search(typed, file=file, output=Output(json=as_json, quiet=quiet), fork=fork))


@app.command()
def resume(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Its name, or its folder.")],
    trials: Annotated[int | None, typer.Option(metavar="N", help="Trials of the study in all.")] = None,
    timeout: Timeout = None,
    trial_timeout: TrialTimeout = None,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Default: as before.")] = None,
    runs: Runs = None,
    storage: Storage = None,
    fork: ForkName = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Continue a study with its stored settings."""
    changed = Options(
        trials=trials,
        timeout=None if timeout is None else parse_duration(timeout),
        trial_timeout=None if trial_timeout is None else parse_duration(trial_timeout, "--trial-timeout"),
        workers=workers,
        runs=runs,
        storage=storage,
    )
    raise typer.Exit(continue_study(study, changed=changed, output=Output(json=as_json, quiet=quiet), fork=fork))


@app.command("status")
def status_command(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Its name, or its folder.")],
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Say where a study stands, live or ended."""
    say(status(study, runs=runs, as_json=as_json))


@app.command("report")
def report_command(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Its name, or its folder.")],
    lite: Annotated[bool, typer.Option("--lite", help="At most 1 MB, no script: report-lite.html.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again whenever results change, while it runs.")] = False,
    grid: Annotated[str | None, typer.Option(metavar="A,B", help="Learning curves by these two parameters.")] = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Write report.html again from stored results."""
    say(report(study, runs=runs, lite=lite, grid=grid, as_json=as_json, watch=watch))


@app.command("export")
def export_command(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Its name, or its folder.")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where to write; made if it is missing.")],
    trial: Annotated[int | None, typer.Option(metavar="N", help="Default: the winner.")] = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="Also write model.onnx.")] = False,
    saved_model: Annotated[bool, typer.Option("--saved-model", help="Also write saved_model/.")] = False,
    runs: Runs = None,
) -> None:
    """Write the winner as model.keras and as a plain Keras script."""
    say(export(study, to=to, trial=trial, onnx=onnx, saved_model=saved_model, runs=runs))


@app.command("predict")
def predict_command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .keras file of a search or an export.")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table for a spreadsheet.")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="Load the model even if its hash is not known.")] = False,
) -> None:
    """Print class probabilities for image files."""
    told = predict(model, images, as_json=as_json, as_csv=as_csv, trust=trust)
    say(told.text)
    raise typer.Exit(told.exit_code)


@app.command("compare")
def compare_command(
    studies: Annotated[list[str], typer.Argument(metavar="STUDY STUDY...", help="Names, or folders.")],
    as_page: Annotated[bool, typer.Option("--report", help="Also write a page, in the first study's folder.")] = False,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Put studies of the same data side by side."""
    say(compare(studies, runs=runs, as_json=as_json, as_page=as_page))


@app.command("dashboard")
def dashboard_command(
    study: Annotated[str | None, typer.Argument(metavar="[STUDY]", help="Default: the latest.")] = None,
    port: Annotated[int, typer.Option(metavar="N", help="Default: a free one.")] = 0,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    token: Annotated[str | None, typer.Option(metavar="SECRET", help="Default: a fresh one.")] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse whatever changes the study.")] = False,
    runs: Runs = None,
) -> None:
    """Show a study in Optuna's dashboard, on this machine alone."""
    dashboard(study, port=port, host=host, token=token, read_only=read_only, runs=runs)


@app_spaces.callback()
def spaces_command(invoked: typer.Context, as_json: AsJson = False) -> None:
    """List spaces; `spaces show NAME` prints one."""
    if invoked.invoked_subcommand is None:
        say(spaces(as_json=as_json))


@app_spaces.command("show")
def show_command(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A space of ours, or your own file.")],
    as_json: AsJson = False,
) -> None:
    """Print a space's parameters, ranges, conditions and baselines."""
    say(show_space(name, as_json=as_json))


@app_data.callback()
def data_command() -> None:
    """Look at image data; `data check PATH` decodes all of it."""


@app_data.command("check")
def check_command(
    data: Annotated[str, typer.Argument(metavar="NAME|PATH", help="As for run --data.")], as_json: AsJson = False
) -> None:
    """Decode everything: classes, counts, sizes, bad files, duplicates across parts."""
    checked = check_data(data, as_json=as_json)
    say(checked.text)
    raise typer.Exit(checked.exit_code)


@app.command("doctor")
def doctor_command(runs: Runs = None, as_json: AsJson = False) -> None:
    """Print what this machine has, fit to paste into an issue."""
    say(doctor(runs=runs, as_json=as_json))


app.add_typer(app_spaces, name="spaces")
app.add_typer(app_data, name="data")


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; the one place that catches errors."""
    try:
        code = app(args=list(arguments), standalone_mode=False)
        return code if isinstance(code, int) else 0
    except typer.TyperException as error:
        return _fail(UsageError(error.format_message()), arguments)
    except TamizError as error:
        return _fail(error, arguments)
    except BrokenPipeError:
        forget_stdout()
        return 0
    except (KeyboardInterrupt, typer.Abort):  # before there was a command
        tell_error("stopped")
        return 130
    except Exception as error:
        tell_error(write_crash(error, Path("runs")))
        return 1


def _fail(error: TamizError, arguments: Sequence[str]) -> int:
    if "--json" in arguments:
        say(failure(error).to_json())
    elif not arguments:
        sys.stderr.write(f"{error}\n")
        return 0
    tell_error(str(error))
    return error.exit_code
