"""`script/test`, `script/bench`, `script/pictures`: a command run beside services of its own, gone afterwards."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from runtime import chromium, processes, services
from runtime.console import say
from runtime.supervisor import Stop, catch_signals, ignore_signals
from runtime.venv import ROOT

# The command gets the same Ctrl-C from the terminal; this long it may take to tidy up.
GRACE_SECONDS = 30
# The whole suite on all cores, at most as many as the broker has numbers for; tests that name a group share one.
EVERYTHING = ("-n", "auto", "--maxprocesses", "6", "--dist", "loadgroup")


def test(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run pytest with embedded services and a browser; without arguments on all cores. Returns its exit code."""
    browser = chromium.find(environ)
    changes = {"DJANGO_SETTINGS_MODULE": "hall.settings.test"}
    if browser is not None:
        changes["HALL_CHROMIUM"] = str(browser)
    return _beside_services([sys.executable, "-m", "pytest", *(arguments or EVERYTHING)], environ, changes)


def bench(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one benchmark with embedded services. Returns its exit code."""
    return _beside_services([sys.executable, "-m", "benchmarks", *arguments], environ, {})


def pictures(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Take the repository's pictures with a browser and embedded services. Returns the exit code."""
    changes = {"DJANGO_SETTINGS_MODULE": "hall.settings.test"}
    if (browser := chromium.find(environ)) is not None:
        changes["HALL_CHROMIUM"] = str(browser)
    return _beside_services([sys.executable, "-m", "tests.browser.pictures", *arguments], environ, changes)


def _beside_services(command: Sequence[str], environ: Mapping[str, str], changes: Mapping[str, str]) -> int:
    catch_signals()
    try:
        with services.temporary(environ) as running:
            say("Database and broker are ready.")
            return _watch(command, {**environ, **changes, **running.test_environment()})
    except Stop as signal_name:
        ignore_signals()
        say(f"Stopped by {signal_name}.")
        return 130


def _watch(command: Sequence[str], environ: Mapping[str, str]) -> int:
    process = subprocess.Popen(command, cwd=ROOT, env=environ)
    try:
        return process.wait()
    finally:
        ignore_signals()
        if process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS if os.isatty(0) else 0.5)
            processes.end([process.pid], first=signal.SIGINT, seconds=GRACE_SECONDS)
            process.wait()
