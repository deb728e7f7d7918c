"""Finds a Chromium for the browser tests, or gets one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from runtime.console import say

COMMANDS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
MAC_PATHS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def find(environ: Mapping[str, str]) -> Path | None:
    """HALL_CHROMIUM, else the machine's own, else Debian's package (as root), else Playwright's download.

    Says which; None when there is none to be had, and then the browser tests say so by failing.
    """
    sources: tuple[tuple[str, Callable[[], Path | None]], ...] = (
        ("named by HALL_CHROMIUM", lambda: _working(environ.get("HALL_CHROMIUM"))),
        ("found on this machine", _on_this_machine),
        ("downloaded earlier by Playwright", _of_playwright),
        ("installed now by apt-get", _from_apt),
        ("downloaded now by Playwright", _download),
    )
    for how, source in sources:
        program = source()
        if program is not None:
            say(f"Browser for the tests: {program} ({how}).")
            return program
    say("No Chromium was found and none could be installed: set HALL_CHROMIUM. The browser tests will fail.")
    return None


def _working(program: str | None) -> Path | None:
    """The program if it starts: some systems ship a stub of that name which only points elsewhere."""
    if not program:
        return None
    try:
        shown = subprocess.run([program, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(program) if shown.returncode == 0 else None


def _on_this_machine() -> Path | None:
    candidates = [path for path in map(shutil.which, COMMANDS) if path] + [
        path for path in MAC_PATHS if os.path.exists(path)
    ]
    return next((found for found in map(_working, candidates) if found), None)


def _from_apt() -> Path | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    say("No Chromium on this machine: installing Debian's with apt-get …")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    packages = ["chromium", "fonts-noto-cjk"]
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", *arguments], env=environment, stdout=subprocess.DEVNULL, check=False)
    return _on_this_machine()


def _of_playwright() -> Path | None:
    script = (
        "from playwright.sync_api import sync_playwright as start\n"
        "with start() as playwright: print(playwright.chromium.executable_path)"
    )
    asked = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    return _working(asked.stdout.strip()) if asked.returncode == 0 else None


def _download() -> Path | None:
    say("Downloading a Chromium with Playwright …")
    arguments = ["install", "--with-deps"] if os.geteuid() == 0 and shutil.which("apt-get") else ["install"]
    subprocess.run([sys.executable, "-m", "playwright", *arguments, "chromium"], check=False)
    return _of_playwright()
