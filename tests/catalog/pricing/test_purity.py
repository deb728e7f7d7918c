"""Pricing is a function of values: nothing that it imports has a database, a clock or settings."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SHOW = "import sys, catalog.pricing; print(*sorted({name.split('.')[0] for name in sys.modules}))"


def test_pricing_imports_no_framework_and_no_room() -> None:
    shown = subprocess.run([sys.executable, "-c", SHOW], cwd=ROOT, capture_output=True, text=True, check=True)
    rooms = {"django", "celery", "core", "accounts", "billing", "operations", "resources", "notices", "hall"}
    assert not rooms & set(shown.stdout.split())


def test_no_flat_is_imported_either() -> None:
    show = "import sys, catalog.pricing; print(*(name for name in sys.modules if name.startswith('catalog')))"
    shown = subprocess.run([sys.executable, "-c", show], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {name.split(".")[1] for name in shown.stdout.split() if "." in name} == {"pricing"}
