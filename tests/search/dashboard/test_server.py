"""The guard before the dashboard, and the stock dashboard behind it on a real server."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.artifacts import upload_artifact
from optuna_dashboard import wsgi

from search.dashboard.artifacts import artifact_store
from search.dashboard.server import Guard, open_server, serve
from search.results.run_folder import RunFolder
from search.storage.database import study_storage
from spaces.errors import UsageError

TOKEN = "0123456789abcdef"
COOKIE = {"Cookie": f"tamiz_token={TOKEN}"}


class Dashboard:
    """A real study with one trial and one artifact, served on a free port."""

    def __init__(self, folder: RunFolder, storage: optuna.storages.RDBStorage, *, is_read_only: bool = False) -> None:
        self.study = optuna.create_study(study_name="toy", storage=storage, load_if_exists=True)
        trial = self.study.ask()
        page = folder.path / "page.html"
        page.write_text("<script>alert(1)</script>")
        store = artifact_store(folder)
        self.artifact = upload_artifact(
            artifact_store=store, file_path=str(page), study_or_trial=trial, mimetype="text/html"
        )
        self.trial = trial._trial_id
        self.study.tell(trial, 0.5)
        guard = Guard(app=wsgi(storage, artifact_store=store), token=TOKEN, is_read_only=is_read_only)
        self.server = open_server(guard, host="127.0.0.1", port=0)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers (lower case) and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=30)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[Dashboard]:
    """Serve a dashboard that may change the study."""
    yield from served(tmp_path, is_read_only=False)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Dashboard]:
    """Serve a dashboard that may not."""
    yield from served(tmp_path, is_read_only=True)


def served(tmp_path: Path, *, is_read_only: bool) -> Iterator[Dashboard]:
    """Serve a dashboard from another thread."""
    folder = RunFolder.at(tmp_path, "toy")
    with study_storage(f"sqlite:///{folder.database}") as storage:
        found = Dashboard(folder, storage, is_read_only=is_read_only)
        thread = threading.Thread(target=found.server.serve_forever)
        thread.start()
        yield found
        found.server.shutdown()
        thread.join()
        found.server.server_close()


pytestmark = pytest.mark.slow


def test_the_owner_sees_the_study(dashboard: Dashboard) -> None:
    status, _, body = dashboard.ask("GET", "/api/studies", COOKIE)

    assert (status, [study["study_name"] for study in json.loads(body)["study_summaries"]]) == (200, ["toy"])


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost@evil"])
def test_a_foreign_host_is_refused_even_with_the_token(dashboard: Dashboard, host: str) -> None:
    status, _, _ = dashboard.ask("DELETE", "/api/studies/1", COOKIE | {"Host": host})

    assert (status, len(dashboard.study.get_trials())) == (403, 1)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:80"])
def test_our_own_names_are_served(dashboard: Dashboard, host: str) -> None:
    assert dashboard.ask("GET", "/api/studies", COOKIE | {"Host": host})[0] == 200


@pytest.mark.parametrize("cookie", ["", "tamiz_token=wrong", "tamiz_token=", "other=0123456789abcdef", ";;=;\x7f"])
@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_without_the_token_nothing_is_served(dashboard: Dashboard, method: str, cookie: str) -> None:
    assert dashboard.ask(method, "/api/studies/1", {"Cookie": cookie})[0] == 403


def test_the_address_with_the_token_gives_the_cookie(dashboard: Dashboard) -> None:
    status, headers, _ = dashboard.ask("GET", f"/dashboard?token={TOKEN}")

    assert (status, headers["location"]) == (303, "/dashboard")
    assert headers["set-cookie"] == f"tamiz_token={TOKEN}; Path=/; HttpOnly; SameSite=Strict"


def test_a_token_in_the_address_changes_nothing(dashboard: Dashboard) -> None:
    assert dashboard.ask("DELETE", f"/api/studies/1?token={TOKEN}")[0] == 403


def test_the_way_back_leads_nowhere_else(dashboard: Dashboard) -> None:
    assert dashboard.ask("GET", f"//evil.example/?token={TOKEN}")[1]["location"] == "/evil.example/"


def test_the_owner_may_delete(dashboard: Dashboard) -> None:
    assert dashboard.ask("DELETE", "/api/studies/1", COOKIE)[0] == 204


@pytest.mark.parametrize("method", ["DELETE", "POST", "PUT", "PATCH", "OPTIONS"])
def test_reading_only_refuses_whatever_else(read_only: Dashboard, method: str) -> None:
    status, _, body = read_only.ask(method, "/api/studies/1", COOKIE)

    assert (status, body) == (403, b"refused: this dashboard is read-only\n")


def test_reading_only_reads(read_only: Dashboard) -> None:
    assert read_only.ask("GET", "/api/studies/1", COOKIE)[0] == 200


def test_an_artifact_can_not_act(dashboard: Dashboard) -> None:
    status, headers, body = dashboard.ask("GET", f"/artifacts/1/{dashboard.trial}/{dashboard.artifact}", COOKIE)

    assert (status, body) == (200, b"<script>alert(1)</script>")
    assert (headers["content-security-policy"], headers["x-content-type-options"]) == ("sandbox", "nosniff")
    assert "access-control-allow-origin" not in headers


def test_a_host_that_others_reach_needs_a_token(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--host 0\.0\.0\.0 can be reached from other machines: expected --token"):
        serve(RunFolder(path=tmp_path), host="0.0.0.0", port=0, token=None, is_read_only=False, say=print)


@pytest.mark.parametrize("token", ["short", "sixteen letters;x", "ä" * 20])
def test_a_weak_token_is_refused(tmp_path: Path, token: str) -> None:
    with pytest.raises(UsageError, match="invalid --token: expected at least 16 letters and digits"):
        serve(RunFolder(path=tmp_path), host="127.0.0.1", port=0, token=token, is_read_only=False, say=print)


def test_a_taken_port_is_named(dashboard: Dashboard) -> None:
    with pytest.raises(UsageError, match=r"cannot listen on 127\.0\.0\.1, port \d+: .*in use"):
        open_server(Guard(app=wsgi, token=TOKEN), host="127.0.0.1", port=dashboard.server.server_port)
