import os
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from runtime import checks, hallprocesses
from runtime.venv import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
SCRIPTS = ["script/run", "script/test", "script/check", "script/bench", "script/pictures", "script/manage", ".ci/run"]


def test_compose_has_the_parts_of_production() -> None:
    assert set(SERVICES) == {"postgres", "broker", "migrate", "web", "worker", "beat"}
    assert SERVICES["postgres"]["image"] == "postgres:18"


@pytest.mark.parametrize("name", ["postgres", "broker", "web", "worker", "beat"])
def test_every_lasting_container_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_our_containers_run_as_the_role_without_powers_and_after_the_migration(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert environment["DATABASE_URL"].startswith("postgresql://hall_app:")
    assert "OWNER" not in " ".join(environment)
    assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES[name]["read_only"] is True


def test_compose_gives_every_value_that_the_production_settings_insist_on() -> None:
    assert set(checks.PRODUCTION) <= set(SERVICES["web"]["environment"])


def test_no_container_is_reachable_from_outside_the_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["web"]
    assert published["web"] == ["127.0.0.1:${HALL_PORT:-8000}:8000"]


def test_no_secret_has_a_default() -> None:
    """Each is asked for, or empty: then what it is for is switched off."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    given = re.findall(r"\$\{\w*(?:PASSWORD|SECRET|_KEY)\w*(:?[-?])([^}]*)\}", text)
    assert given
    assert all(mark == ":?" or value == "" for mark, value in given)


def test_volumes_outlive_containers() -> None:
    used = {
        volume.partition(":")[0] for name in ("postgres", "broker") for volume in SERVICES[name]["volumes"]
    }
    assert used == set(COMPOSE["volumes"])


def test_the_worker_takes_the_same_queues_as_in_development() -> None:
    assert hallprocesses.QUEUES in SERVICES["worker"]["command"]


def test_the_image_runs_as_an_ordinary_user_and_holds_no_stand_ins() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert dockerfile.index("USER hall") < dockerfile.index("CMD")
    ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert not {"!sandbox", "!tests", "!runtime"} & set(ignored)


def test_every_room_of_the_settings_is_in_the_image() -> None:
    ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    outside = {"runtime", "sandbox", "tests", "benchmarks"}
    rooms = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} - outside
    assert {f"!{room}" for room in rooms} <= set(ignored)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_runnable_and_say_what_they_are(name: str) -> None:
    path = ROOT / name
    assert os.access(path, os.X_OK)
    assert subprocess.run(["bash", "-n", path], check=False).returncode == 0
    assert path.read_text(encoding="utf-8").splitlines()[1].startswith("# ")


def test_ci_does_nothing_but_check_and_test() -> None:
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["script/check", "script/test"]


def test_a_bare_python_can_import_the_runtime() -> None:
    """No site-packages (-S), no current folder, no user folder (-I): what a new machine has."""
    names = [
        f"runtime.{path.stem}" for path in sorted((ROOT / "runtime").glob("*.py")) if path.stem != "tether"
    ]
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); [__import__(name) for name in {names!r}]"
    base = getattr(sys, "_base_executable", sys.executable)
    done = subprocess.run([base, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
