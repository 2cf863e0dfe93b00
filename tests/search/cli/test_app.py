"""The command line as a person meets it, in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search.cli.app import run_command_line
from search.settings import OPTIONS
from tests.faults.files.person import telling_of_the_person

HOUSE = Path(__file__).parents[3]
SPACE = '''"""Two filters or four."""

from spaces.recipe import ConvNet, Fit, Recipe, Stage


def suggest(trial):
    stage = Stage(filters=trial.suggest_categorical("filters", [2, 4]), convolutions=1)
    momentum = trial.suggest_float("rate", 0.001, 0.1, log=True) if stage.filters == 4 else 0.01
    return Recipe(network=ConvNet(stages=(stage,), kernel=3), fit=Fit(learning_rate=momentum))
'''


def _tamiz(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "search", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(HOUSE)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_is_short_begins_with_examples_and_names_every_command(tmp_path: Path) -> None:
    done = _tamiz("--help", cwd=tmp_path)

    lines = done.stdout.splitlines()
    commands = {line.split()[0] for line in lines[lines.index("Commands:") + 1 :]}
    assert done.returncode == 0
    assert len(lines) <= 25
    assert sum(line.startswith("    python -m search ") for line in lines[: lines.index("Options:")]) == 3
    looking = {"status", "report", "spaces", "data", "doctor"}
    assert commands == looking | {"run", "resume", "export", "predict", "compare", "dashboard", "ensemble", "refit"}


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from search.cli.app import run_command_line; run_command_line(['--help']); "
        "print({'numpy', 'optuna', 'ray', 'rich', 'pandas', 'keras', 'sqlalchemy'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.splitlines()[-1] == "set()"


def test_the_help_of_run_lists_every_option_in_its_group_and_every_choice_with_its_own_line(tmp_path: Path) -> None:
    text = _tamiz("run", "--help", cwd=tmp_path).stdout
    headings = re.findall(r"^(\w+):$", text, re.MULTILINE)
    sections = dict(zip(headings, re.split(r"^\w+:$", text, flags=re.MULTILINE)[1:], strict=True))

    assert headings == ["Data", "Search", "Stopping", "Machines", "Output"]
    for option in OPTIONS.values():
        section = sections[option.group.capitalize()]
        assert f"\n  {option.flag}" in section
        for choice, line in (option.choices or {}).items():
            assert re.search(rf"\n      {choice} +{re.escape(line.split()[0])}", section)


def test_help_answers_in_half_a_second(tmp_path: Path) -> None:
    def seconds() -> float:
        began = time.perf_counter()
        _tamiz("--help", cwd=tmp_path)
        return time.perf_counter() - began

    assert min(seconds() for _ in range(5)) < 0.5


def test_nothing_typed_gives_the_help(tmp_path: Path) -> None:
    done = _tamiz(cwd=tmp_path)

    assert "Commands:" in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["run", "resume", "status", "report", "spaces", "doctor"])
def test_every_command_has_help(tmp_path: Path, command: str) -> None:
    done = _tamiz(command, "--help", cwd=tmp_path)

    assert done.returncode == 0
    assert "--json" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "error: no space is named"),
        (["run", "--space", "cnn_cifr"], "error: unknown space 'cnn_cifr'. Did you mean 'cnn_cifar'?"),
        (["run", "--space", "nothing.py"], "error: no space file 'nothing.py'"),
        (["run", "--space", "cnn_cifar", "--trials", "0"], "error: invalid --trials '0': expected more than 0"),
        (["run", "--space", "cnn_cifar", "--workers", "-1"], "error: invalid --workers '-1': expected more than 0"),
        (["run", "--space", "cnn_cifar", "--trials", "x"], "error: invalid --trials 'x': expected a whole number"),
        (
            ["run", "--space", "cnn_cifar", "--timeout", "30"],
            "error: invalid --timeout '30': expected a duration",
        ),
        (["run", "--space", "cnn_cifar", "--sampler", "tp"], "error: invalid --sampler 'tp': expected cmaes, gp, "),
        (["run", "--space", "cnn_cifar", "--pruner", "medium"], "percentile\nDid you mean 'median'?"),
        (["run", "--space", "cnn_cifar", "--metric", "val_acuracy"], "Did you mean 'val_accuracy'?"),
        (
            ["run", "--space", "cnn_cifar", "--study", "../up"],
            "error: invalid --study '../up': expected 1 to 100",
        ),
        (["run", "--space", "cnn_cifar", "--seed", "-1"], "error: invalid --seed '-1': expected at least 0"),
        (["run", "--space", "cnn_cifar", "--storage", "my.db"], "error: invalid --storage 'my.db': expected sqlite"),
        (["run", "--space", "cnn_cifar", "--config", "no.toml"], "error: can't read --config no.toml: No such file"),
        (["run", "--trialz", "3"], "error: no such option '--trialz'. "),
        (["rum"], "'run'"),
        (["status"], "error: missing argument 'STUDY'\n"),
        (["export", "x", "--to", "y", "--trial", "z"], "error: invalid --trial 'z': expected a whole number"),
        (["resume", "nothing"], "error: unknown study 'nothing'"),
        (["status", "nothing"], "error: unknown study 'nothing'"),
        (["report", "nothing"], "error: unknown study 'nothing'"),
        (["spaces", "show", "cnn_cifr"], "Did you mean 'cnn_cifar'?"),
        (["data", "check", "cifar11"], "Did you mean 'cifar1"),
    ],
)
def test_wrong_usage_is_one_clear_error(
    tmp_path: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    code = run_command_line(arguments)

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) <= 6
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_with_json_is_one_object(tmp_path: Path) -> None:
    done = _tamiz("run", "--space", "cnn_cifr", "--json", cwd=tmp_path)

    found = json.loads(done.stdout)
    assert (found["status"], found["exit_code"], found["resumable"]) == ("failed", 2, False)
    assert found["reason"].startswith("unknown space 'cnn_cifr'")


def test_a_space_s_syntax_error_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text('"""A space."""\n\ndef suggest(trial)\n    return 3\n')

    done = _tamiz("run", "--space", "mine.py", "--data", "digits", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith("error: space 'mine.py' has an error in line 3:\n    def suggest(trial)")
    assert "SyntaxError" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_before_the_search_listens_to_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise KeyboardInterrupt  # as it comes amid an import")

    done = _tamiz("run", "--space", "mine.py", "--json", cwd=tmp_path)

    assert (done.returncode, done.stderr) == (130, "error: stopped by Ctrl-C\n")
    assert json.loads(done.stdout)["exit_code"] == 130


def test_a_space_without_data_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SPACE)

    done = _tamiz("run", "--space", "mine.py", cwd=tmp_path)

    assert (done.returncode, "name one with --data NAME" in done.stderr) == (2, True)


def test_spaces_are_listed_with_their_summary(tmp_path: Path) -> None:
    text, listed = _tamiz("spaces", cwd=tmp_path), _tamiz("spaces", "--json", cwd=tmp_path)

    found = {space["name"]: space["summary"] for space in json.loads(listed.stdout)["spaces"]}
    assert found["cnn_cifar"] == "Plain convolutional networks for small images."
    assert all(name in text.stdout and summary in text.stdout for name, summary in found.items())


@pytest.mark.slow
def test_a_space_is_shown_with_ranges_conditions_and_baselines(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SPACE + '\n\nBASELINES = {"small": {"filters": 2}}\n')

    lines = _tamiz("spaces", "show", "mine.py", cwd=tmp_path).stdout.splitlines()

    assert lines[0] == "mine: Two filters or four."
    assert "  filters  categorical  2, 4" in lines
    assert "  rate     float        0.001 to 0.1 (log)" in lines
    assert "rate is suggested when filters is 4" in lines
    assert "baseline small: 20,546 weights" in lines
    assert lines[-1].startswith("default data: none; ranges and weights are for 64x64 colour images of 10 classes")


@pytest.mark.slow
def test_a_space_is_shown_as_json_with_the_weights_of_its_baselines(tmp_path: Path) -> None:
    found = json.loads(_tamiz("spaces", "show", "cnn_cifar", "--json", cwd=tmp_path).stdout)

    rate = next(parameter for parameter in found["parameters"] if parameter["name"] == "learning_rate")
    assert {"kind": "float", "low": 3e-4, "log": True, "choices": None, "when": None}.items() <= rate.items()
    assert found["baselines"]["cifar_notebook_2021"]["parameters"] == 307_498
    assert found["baselines"]["cifar_notebook_2021"]["recipe"]["fit"]["batch_size"] == 80


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m search spaces show cnn_cifar | head -n 1; exit ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", command], cwd=HOUSE, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("cnn_cifar: ")


def test_a_closed_stdout_is_no_error(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "search", "spaces"], cwd=HOUSE, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("environment", [{"LANG": "C", "LC_ALL": "C"}, {"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_poor_terminals_get_plain_text(tmp_path: Path, environment: dict[str, str]) -> None:
    done = _tamiz("spaces", "show", "cnn_cifar", cwd=tmp_path, **environment)

    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr


def test_a_data_folder_with_a_bad_file_is_reported(tmp_path: Path) -> None:
    from PIL import Image

    for label, shade in (("cats", 10), ("dogs", 200)):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (8, 8), shade + number).save(tmp_path / "photos" / label / f"{number}.png")
    (tmp_path / "photos" / "cats" / "bad.png").write_text("no image")

    done = _tamiz("data", "check", "photos", cwd=tmp_path)
    found = json.loads(_tamiz("data", "check", "photos", "--json", cwd=tmp_path).stdout)

    assert done.returncode == 3
    assert "cats/bad.png" in done.stdout
    assert [bad["path"] for bad in found["bad_files"]] == ["cats/bad.png"]


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc").is_dir(), reason="root writes everywhere else")
def test_a_runs_folder_that_can_t_be_written_is_said(tmp_path: Path) -> None:
    runs = "/proc/runs"  # not even root may write there

    done = _tamiz("run", "--space", "cnn_cifar", "--data", "digits", "--runs", runs, cwd=tmp_path)

    assert done.returncode == 5
    assert f"error: can't write in {runs}/cnn_cifar-digits" in done.stderr
    assert "--runs" in done.stderr


@pytest.mark.slow
def test_a_search_its_status_and_its_continuation_tell_nothing_of_the_person(tmp_path: Path) -> None:
    home = tmp_path / "quetzalcoatl"
    home.mkdir()
    (home / "mine.py").write_text(SPACE)
    person = {"HOME": str(home), "USER": home.name, "LOGNAME": home.name, "FAVOURITE": "envcanary"}
    small = ["--data", "digits", "--epochs", "1", "--executor", "inline", "--train-images", "100"]
    ran = _tamiz("run", "--space", str(home / "mine.py"), *small, "--trials", "1", cwd=home, **person)
    report = home / "runs" / "mine-digits" / "report.html"
    status = _tamiz("status", "mine-digits", "--json", cwd=home, **person)
    resumed = _tamiz("resume", "mine-digits", "--trials", "2", "--json", cwd=home, **person)
    before = report.stat().st_mtime_ns
    again = _tamiz("report", "mine-digits", cwd=home, **person)

    assert (ran.returncode, ran.stdout) == (0, "runs/mine-digits/report.html\n"), ran.stderr
    assert "[1/1] trial 0 complete" in ran.stderr
    assert json.loads(status.stdout)["status"] == "done"
    found = json.loads(resumed.stdout)
    assert (found["trials"]["complete"], found["epochs_trained"]) == (2, 2)
    assert "continuing study mine-digits" in resumed.stderr
    assert (again.returncode, again.stdout) == (0, "runs/mine-digits/report.html\n")
    assert report.stat().st_mtime_ns > before
    assert "quetzalcoatl" not in ran.stdout + status.stdout + resumed.stdout
    assert telling_of_the_person(report.parent) == set()


@pytest.mark.slow
def test_quiet_prints_the_report_s_path_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SPACE)
    (tmp_path / "search.toml").write_text('data = "digits"\nepochs = 1\nexecutor = "inline"\ntrain-images = 100\n')

    done = _tamiz("run", "--space", "mine.py", "--config", "search.toml", "--quiet", cwd=tmp_path, TAMIZ_TRIALS="1")

    assert (done.returncode, done.stdout, done.stderr) == (0, "runs/mine-digits/report.html\n", "")
