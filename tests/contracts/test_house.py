"""The rules of the house (CONTRIBUTING.md) that a machine can check."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports
from packaging.requirements import Requirement

HOUSE = Path(__file__).parents[2]
ROOMS = ("spaces", "objectives", "reports", "search")
MODULES = sorted(path for room in ROOMS for path in (HOUSE / room).rglob("*.py"))
PYPROJECT = (HOUSE / "pyproject.toml").read_text()
OWNERS = importlib.metadata.packages_distributions()
MOST_MODULES = 12
"""In a folder, beside its `__init__.py`."""
MOST_LINES = 250
PLUG_INS = {"reports.pages.sections"}
"""Packages that one module lists, so that none but it need know what they hold."""
NOT_NAMES = {"config", "manager", "handler", "helper", "utils", "common", "misc", "base", "context", "hypermodel"}


def test_the_arrows_between_the_rooms_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HOUSE)

    assert lint_imports(no_cache=True) == 0


def test_spaces_import_only_the_standard_library() -> None:
    spaces = [path for path in MODULES if _name(path).startswith("spaces")]

    assert {(_name(path), used) for path in spaces for used in _distributions(path)} == set()


def test_the_driver_leaves_keras_and_tensorflow_out() -> None:
    program = (
        "import search.__main__, search.driver.run, sys; "
        "print({'keras', 'tensorflow', 'jax', 'torch'} & {*sys.modules})"
    )

    assert _python("-c", program) == "set()\n"


def test_ray_need_not_wait_until_what_reports_need_is_imported() -> None:
    heavy = {"sklearn", "scipy", "pandas", "plotly", "matplotlib"}
    program = f"import search.driver.run, sys; print({heavy} & {{*sys.modules}})"

    assert _python("-c", program) == "set()\n"


def test_help_answers(capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    text = _python("-m", "search", "--help")
    with capsys.disabled():
        print(f" (python -m search --help: {time.monotonic() - started:.2f} s) ", end="")

    assert "python -m search run" in text


def test_no_file_names_a_place_of_one_machine() -> None:
    place = re.compile(
        r"(?<![\w.])/(?:root|work|home/\w+|Users/\w+|opt/\w+)/|python[h]osted|py[p]i\.org|extra-index[-]url"
    )
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=HOUSE, capture_output=True, text=True, check=True).stdout.splitlines()
    texts = {name: (HOUSE / name).read_text(errors="replace") for name in names if (HOUSE / name).is_file()}

    assert {name: found.group() for name, text in texts.items() if (found := place.search(text))} == {}


def test_nothing_is_unpickled() -> None:
    word = re.compile(r"pickle|^dill$|^shelve$|^joblib\.load$")
    found = {
        (_name(path), name)
        for path in MODULES
        for name in _used_names(ast.parse(path.read_text()))
        if word.search(name) and name != "allow_pickle=False"
    }

    assert found == set()


def test_each_module_says_what_it_is_for() -> None:
    assert [_name(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_a_folder_has_few_modules_and_a_module_few_lines() -> None:
    folders = [folder for room in ROOMS for folder in (HOUSE / room).rglob("*") if (folder / "__init__.py").is_file()]
    modules = {folder: len([*folder.glob("*.py")]) - 1 for folder in [*folders, *(HOUSE / room for room in ROOMS)]}
    lines = {path: path.read_text().count("\n") for path in MODULES}
    large = [folder for folder, count in modules.items() if count > MOST_MODULES]
    long = [path for path, count in lines.items() if count > MOST_LINES]

    assert {str(path.relative_to(HOUSE)) for path in [*large, *long]} == set()


def test_packages_hold_a_docstring_alone() -> None:
    packages = {_name(path): ast.parse(path.read_text()).body for path in MODULES if path.name == "__init__.py"}
    del packages["search"]  # it offers `run`, which it imports when it is asked for

    assert {name for name, body in packages.items() if len(body) != 1 or not isinstance(body[0], ast.Expr)} == set()


def test_a_package_names_the_modules_that_others_import() -> None:
    names = {_name(path) for path in MODULES if path.name != "__init__.py"}
    public = {
        imported
        for path in MODULES
        for imported in names & _imported_modules(path)
        if not _name(path).startswith(f"{imported.rpartition('.')[0]}.")
    }
    named = {
        f"{_name(path)}.{word}"
        for path in MODULES
        if path.name == "__init__.py"
        for word in re.findall(r"`(\w+)[\w.]*`", ast.get_docstring(ast.parse(path.read_text())) or "")
    }

    assert {name for name in public - named if name.rpartition(".")[0] not in PLUG_INS} == set()


def test_no_vague_names() -> None:
    definitions = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    names = {
        node.name for path in MODULES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, definitions)
    } | {path.stem for path in MODULES}
    names -= {"get_config"}  # what Keras calls it

    assert {name for name in names if re.split(r"_|(?=[A-Z])", name)[-1].lower() in NOT_NAMES} == set()


def test_each_dependency_names_who_imports_it() -> None:
    imports = {_name(path): _distributions(path) for path in MODULES}
    declared = _dependencies()
    wrong = {
        dependency: user
        for dependency, user in declared.items()
        if user not in declared  # a library that imports it
        and not any(f"{module}.".startswith(f"{user}.") and dependency in found for module, found in imports.items())
    }

    assert wrong == {}


def test_each_import_is_declared() -> None:
    extras = tomllib.loads(PYPROJECT)["project"]["optional-dependencies"]
    optional = {Requirement(line).name for extra, lines in extras.items() if extra != "dev" for line in lines}
    ours = {"tamiz"} | _dependencies().keys() | optional

    assert {(_name(path), used) for path in MODULES for used in _distributions(path) - ours} == set()


def _name(path: Path) -> str:
    """Dotted name of a module of ours."""
    return ".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__")


def _python(*arguments: str) -> str:
    ended = subprocess.run([sys.executable, *arguments], cwd=HOUSE, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def _imported_modules(path: Path) -> set[str]:
    """Dotted names of what a module imports: `a`, `a.b` and `a.b.c` of `from a.b import c`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _used_names(tree: ast.AST) -> Iterator[str]:
    """Yield what a module imports, the attributes it reads (`a.b`) and the keywords it passes (`k=v`)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.keyword) and node.arg:
            yield f"{node.arg}={ast.unparse(node.value)}"


def _distributions(path: Path) -> set[str]:
    """Return the distributions that a module's third-party imports come from, as pip writes their names."""
    packages = {name.partition(".")[0] for name in _imported_modules(path)}
    foreign = packages - sys.stdlib_module_names - set(ROOMS)
    return {owner.lower() for package in foreign for owner in OWNERS.get(package, [package])}


def _dependencies() -> dict[str, str]:
    """Return each runtime dependency with the first name in its comment."""
    lines = tomllib.loads(PYPROJECT)["project"]["dependencies"]
    comments = {line: re.search(rf'"{re.escape(line)}",\s*# ([\w.-]+\w)', PYPROJECT) for line in lines}
    return {Requirement(line).name: found.group(1) if found else "" for line, found in comments.items()}
