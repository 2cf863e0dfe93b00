"""README, CONTRIBUTING and docs/: what they say of commands, options and files is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from search.cli.app import app
from search.cli.parameters import GroupedOption
from search.option import GROUPS
from search.settings import OPTIONS
from spaces.catalogue import space_names

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
MOST_WORDS = 1200
"""Of README; what is longer belongs in docs/."""

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= MOST_WORDS


def test_readme_shows_the_whole_example_space() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert (ROOT / "examples" / "my_space.py").read_text() in blocks


def test_readme_lists_every_space() -> None:
    listed = re.findall(r"^- `(\w+)`: ", (ROOT / "README.md").read_text(), re.MULTILINE)

    assert sorted(listed) == sorted(space_names())


def test_the_guide_describes_every_option_of_run_in_its_group_with_its_choices() -> None:
    text = (ROOT / "docs" / "guide.md").read_text()
    groups = "|".join(GROUPS)
    tables = re.findall(rf"^\| ({groups}) \| \|\n\|---\|---\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = {group: {row.split("`")[1].split()[0]: row for row in table.splitlines()} for group, table in tables}

    command = app.commands["run"]
    expected = {group: set[str]() for group in GROUPS}
    for parameter in command.params:
        expected[parameter.group if isinstance(parameter, GroupedOption) else GROUPS[-1]].add(parameter.opts[0])
    assert {group: set(rows.get(group, {})) for group in GROUPS} == expected
    choices = {rows[one.group][one.flag]: one.choices for one in OPTIONS.values() if one.choices is not None}
    assert [(row, name) for row, names in choices.items() for name in names if name not in row] == []


@pages
def test_commands_have_the_options_that_they_are_shown_with(page: Path) -> None:
    shown = re.findall(r"(?:python -m search|^tamiz) ([a-z]+)( check| show)?([^\n`|#]*)", page.read_text())
    wrong = {
        f"{command}{sub} {option}"
        for command, sub, rest in shown
        for option in re.findall(r"--[a-z][a-z-]*", rest)
        if option not in _options(command, sub.strip())
    }

    assert wrong == set()


@pages
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    inside = [link for link in links if not link.startswith(("https://", "mailto:"))]

    assert [link for link in inside if not _exists(page, link)] == []


@pages
def test_files_of_this_repository_exist(page: Path) -> None:
    folders = "benchmarks|docs|examples|objectives|reports|search|spaces|tests"
    named = re.findall(rf"`((?:{folders})/[\w./-]*)`", page.read_text())

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_citation_names_the_version_and_license_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())

    assert (cited["version"], cited["license"]) == (project["version"], project["license"])


def _options(command: str, sub: str = "") -> set[str]:
    found = app.commands[command]
    if sub:
        assert isinstance(found, click.Group)
        found = found.commands[sub]
    return {option for parameter in found.params for option in parameter.opts if option.startswith("--")}


def _exists(page: Path, link: str) -> bool:
    """Whether a link relative to a page names a file and, after "#", a heading as GitHub writes its anchor."""
    place, _, anchor = link.partition("#")
    file = page.parent / place if place else page
    if not file.exists() or not anchor:
        return file.exists()
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
