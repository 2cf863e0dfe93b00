"""Headless Chromium through chromedriver's own HTTP interface: opens a file, looks, takes pictures."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.needs import not_here


class Browser:
    """One browser window; a context manager."""

    def __init__(self, folder: Path, *, width: int = 1200, is_dark: bool = False, has_script: bool = True) -> None:
        self._folder = folder
        self._width = width
        self._preferences = {} if has_script else {"profile.managed_default_content_settings.javascript": 2}
        self._scheme = ["--blink-settings=preferredColorScheme=0"] if is_dark else []

    def __enter__(self) -> Self:
        port_file = self._folder / "driver.log"
        self._log = port_file.open("w")
        self._driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=self._log, stderr=subprocess.STDOUT)
        try:
            port = _wait_for_port(port_file)
            self._address = f"http://127.0.0.1:{port}/session"
            created = _call("POST", self._address, {"capabilities": {"alwaysMatch": self._capabilities()}})
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self._address = f"{self._address}/{created['sessionId']}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "_address") and not self._address.endswith("/session"):
            with contextlib.suppress(OSError):  # a browser that can't be closed in order is closed without
                _call("DELETE", self._address)
        self._driver.terminate()
        self._driver.wait()
        self._log.close()

    def open(self, path: Path) -> None:
        """Open a file and wait until it has loaded."""
        self.go(path.resolve().as_uri())

    def go(self, address: str) -> None:
        """Open an address and wait until it has loaded."""
        _call("POST", f"{self._address}/url", {"url": address})

    def run(self, script: str) -> Any:
        """Return what a script returns, a promise's value included."""
        return _call("POST", f"{self._address}/execute/sync", {"script": script, "args": []})

    def wait_for(self, script: str, *, seconds: float = 20.0) -> None:
        """Wait until a script returns something true."""
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, f"waited {seconds} s for: {script}"
            time.sleep(0.1)

    def console(self) -> list[str]:
        """Return what the page has written on the console so far, violations of its policy included."""
        return [entry["message"] for entry in _call("POST", f"{self._address}/se/log", {"type": "browser"})]

    def requests(self) -> list[str]:
        """Return the addresses that were requested, but for data inside the page and the browser's own pages."""
        entries = _call("POST", f"{self._address}/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        sent = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
        return [address for address in sent if not address.startswith(("data:", "chrome:"))]

    def has_dialog(self) -> bool:
        """Return whether an alert, a prompt or the like is open."""
        try:
            _call("GET", f"{self._address}/alert/text")
        except urllib.error.HTTPError:
            return False
        return True

    def picture(self, path: Path) -> None:
        """Write a picture of the whole page."""
        height = int(self.run("return document.documentElement.scrollHeight"))
        shown = {"width": self._width, "height": height, "deviceScaleFactor": 1, "mobile": self._width < 600}
        self._devtools("Emulation.setDeviceMetricsOverride", shown)
        time.sleep(2)
        taken = self._devtools("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(taken["data"]))

    def on_paper(self, *, width: int) -> None:
        """Lay the page out as for a printer whose paper is so many CSS pixels wide between its margins."""
        self._devtools("Emulation.setEmulatedMedia", {"media": "print"})
        shown = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", shown)

    def paper(self, path: Path) -> None:
        """Print the page as PDF."""
        printed = self._devtools(
            "Page.printToPDF", {"printBackground": False, "paperWidth": 8.27, "paperHeight": 11.69}
        )
        path.write_bytes(base64.b64decode(printed["data"]))

    def _devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        return _call("POST", f"{self._address}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _capabilities(self) -> dict[str, Any]:
        quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        quiet += ["--disable-component-update", "--disable-sync", f"--user-data-dir={self._folder / 'profile'}"]
        options: dict[str, Any] = {"args": [*quiet, f"--window-size={self._width},1000", *self._scheme]}
        options |= {"prefs": self._preferences, "binary": shutil.which("chromium")}
        if self._width < 600:
            options["mobileEmulation"] = {
                "deviceMetrics": {"width": self._width, "height": 800, "pixelRatio": 1.0, "touch": False}
            }
        return {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "unhandledPromptBehavior": "ignore",
        }


def needs_browser() -> None:
    """Skip the running test where there is no Chromium with its driver."""
    for program, package in (("chromium", "chromium"), ("chromedriver", "chromium-driver")):
        if shutil.which(program) is None:
            not_here(program, debian_package=package)


def _wait_for_port(log: Path) -> int:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        _, found, rest = log.read_text().partition("successfully on port ")
        if found and "." in rest:
            return int(rest.partition(".")[0])
        time.sleep(0.05)
    raise TimeoutError("chromedriver did not start")


def _call(method: str, address: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        address,
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return json.loads(answer.read())["value"]
