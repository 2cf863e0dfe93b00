"""What is stored of a database's address never holds a password, and leads back to the address."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.storage.url import hidden_from_processes, reference_for, resolve_storage, without_secrets
from spaces.errors import UsageError

SECRET = "postgresql://ada:can%40ry@127.0.0.1:5432/studies"


def test_a_password_moves_to_the_environment() -> None:
    environment: dict[str, str] = {}

    reference = reference_for(SECRET, environment)

    assert reference == "env:TAMIZ_STORAGE"
    assert resolve_storage(reference, environment) == SECRET


def test_a_password_among_the_options_moves_too() -> None:
    assert reference_for("postgresql://127.0.0.1/db?password=canary", {}) == "env:TAMIZ_STORAGE"


@pytest.mark.parametrize("url", ["sqlite:///runs/x/study.db", "postgresql://ada@127.0.0.1/studies"])
def test_an_address_without_a_password_stands_for_itself(url: str) -> None:
    environment: dict[str, str] = {}

    assert reference_for(url, environment) == url == resolve_storage(url, environment)
    assert environment == {}


def test_a_variable_is_a_reference() -> None:
    environment = {"TEAM_DB": SECRET}

    assert resolve_storage(reference_for("env:TEAM_DB", environment), environment) == SECRET


def test_a_file_is_a_reference(tmp_path: Path) -> None:
    (tmp_path / "address").write_text(f"{SECRET}\n")
    reference = f"file:{tmp_path / 'address'}"

    assert reference_for(reference, {}) == reference
    assert resolve_storage(reference, {}) == SECRET


def test_a_variable_that_is_not_set_is_said() -> None:
    with pytest.raises(UsageError, match="variable TEAM_DB, which is not set"):
        reference_for("env:TEAM_DB", {})


def test_a_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the storage URL"):
        reference_for(f"file:{tmp_path / 'nothing'}", {})


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(UsageError, match=r"invalid --storage 'study\.db': expected sqlite:///"):
        reference_for("study.db", {})


def test_a_refused_address_is_shown_without_its_password() -> None:
    with pytest.raises(UsageError, match="invalid --storage") as caught:
        reference_for("postgres//ada:canary@127.0.0.1/db", {})

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("shown", [SECRET, "can@ry", "can%40ry"])
def test_passwords_are_taken_out_of_texts(shown: str) -> None:
    resolve_storage("env:TEAM_DB", {"TEAM_DB": SECRET})

    assert without_secrets(f"can't open {shown}: refused") == "can't open ***: refused"


def test_a_variable_with_an_address_is_hidden_for_a_while() -> None:
    environment = {"TEAM_DB": SECRET, "OTHER": "kept"}

    with hidden_from_processes("env:TEAM_DB", environment):
        meanwhile = dict(environment)

    assert (meanwhile, environment) == ({"OTHER": "kept"}, {"TEAM_DB": SECRET, "OTHER": "kept"})


@pytest.mark.parametrize("reference", [None, "sqlite:///study.db", "file:TEAM_DB", "env:ELSE"])
def test_other_references_hide_nothing(reference: str | None) -> None:
    environment = {"TEAM_DB": SECRET}

    with hidden_from_processes(reference, environment):
        assert environment == {"TEAM_DB": SECRET}
