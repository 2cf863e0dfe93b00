"""Walking a folder: what is an image, what is passed over and why, and no endless loops."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from objectives.data.folders.tree import printable, walk
from spaces.errors import DataError
from tests.objectives.data.pictures import save


def shown(root: Path) -> list[str]:
    tree, _ = walk(root)
    return [image.shown for image in tree.all_images]


def ignored(root: Path) -> dict[str, str]:
    _, files = walk(root)
    return {file.path: file.problem for file in files}


def test_folders_come_in_natural_order(tmp_path: Path) -> None:
    for name in ("10", "9", "2"):
        save(tmp_path / name / "a.png")
    tree, _ = walk(tmp_path)

    assert [folder.name for folder in tree.folders] == ["2", "9", "10"]


def test_endings_may_be_capital(tmp_path: Path) -> None:
    save(tmp_path / "a.PNG")

    assert shown(tmp_path) == ["a.PNG"]


@pytest.mark.parametrize("name", [".hidden.png", ".git/a.png", "Thumbs.db", "desktop.ini", "__MACOSX/a.png"])
def test_what_systems_leave_behind_is_not_there(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"x")

    assert (shown(tmp_path), ignored(tmp_path)) == ([], {})


def test_other_files_are_passed_over_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "README").write_text("x")
    (tmp_path / "phone.heic").write_text("x")

    assert ignored(tmp_path) == {
        "README": "no ending such as .jpg or .png",
        "notes.txt": ".txt is not an image format that Tamiz reads",
        "phone.heic": ".heic is not an image format that Tamiz reads",
    }


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "a.png")
    (tmp_path / "cat" / "loop").symlink_to(tmp_path)

    assert (shown(tmp_path), ignored(tmp_path)) == (
        ["cat/a.png"],
        {"cat/loop": "a link that leads back to a folder around it"},
    )


def test_a_loop_outside_ends(tmp_path: Path) -> None:
    save(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "elsewhere" / "again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cat").symlink_to(tmp_path / "elsewhere")

    assert shown(tmp_path / "data") == ["cat/a.png"]


def test_a_link_to_a_folder_of_the_tree_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "a.png")
    (tmp_path / "best").symlink_to(tmp_path / "cat")

    assert (shown(tmp_path), ignored(tmp_path)) == (["cat/a.png"], {"best": "a link to a folder that is read anyway"})


def test_a_link_to_nothing_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")

    assert ignored(tmp_path) == {"a.png": "a link to nothing"}


def test_links_to_each_other_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "b.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")

    problem = "a link that can't be followed: Too many levels of symbolic links"
    assert ignored(tmp_path) == {"a.png": problem, "b.png": problem}


def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")

    assert ignored(tmp_path) == {"a.png": "not a regular file"}


def test_very_deep_folders_end(tmp_path: Path) -> None:
    save(tmp_path / "/".join("d" * 60) / "a.png")

    assert list(ignored(tmp_path).values()) == ["folders nested more than 32 deep"]


def test_names_of_any_script_are_kept(tmp_path: Path) -> None:
    save(tmp_path / "猫" / "чёрный 🐈.png")

    assert shown(tmp_path) == ["猫/чёрный 🐈.png"]


def test_names_that_are_no_utf8_can_be_printed(tmp_path: Path) -> None:
    save(tmp_path / "a.png").rename(tmp_path / os.fsdecode(b"caf\xe9.png"))

    assert [name.encode() for name in shown(tmp_path)] == [b"caf\\udce9.png"]


def test_control_characters_are_made_visible() -> None:
    assert printable("a\x1b[31mb\n") == "a\\x1b[31mb\\n"


def test_accents_are_composed() -> None:
    assert printable("cafe\u0301") == "caf\u00e9"


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be listed: No such file"):
        walk(tmp_path / "gone")
