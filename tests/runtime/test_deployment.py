import os
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from hall.upkeep import machine
from runtime import checks, hallprocesses
from runtime.venv import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
SCRIPTS = [
    "script/run",
    "script/test",
    "script/check",
    "script/bench",
    "script/pictures",
    "script/manage",
    ".ci/run",
]


OURS = {
    "migrate",
    "web",
    "worker-payments",
    "worker-notices",
    "worker-provisioning",
    "worker-default",
    "beat",
    "backup",
}
LASTING = set(SERVICES) - {"migrate"}


def queues_of(name: str) -> set[str]:
    command = SERVICES[name].get("command") or []
    return set(command[command.index("-Q") + 1].split(",")) if "-Q" in command else set()


def test_compose_has_the_parts_of_production() -> None:
    assert set(SERVICES) == OURS | {"postgres", "broker", "nginx"}
    assert SERVICES["postgres"]["image"] == "postgres:18"


@pytest.mark.parametrize("name", sorted(LASTING))
def test_every_lasting_container_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"]
    assert {"interval", "timeout", "retries"} <= set(check)
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_container_runs_as_root_or_writes_into_its_image(name: str) -> None:
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in {"0", "root"}
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_has_its_limits_and_short_logs(name: str) -> None:
    assert {"cpus", "memory"} <= set(SERVICES[name]["deploy"]["resources"]["limits"])
    assert SERVICES[name]["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", sorted(OURS - {"migrate"}))
def test_our_containers_run_as_the_role_without_powers_and_after_the_migration(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert environment["DATABASE_URL"].startswith("postgresql://hall_app@")
    assert "owner_password" not in SERVICES[name]["secrets"]
    assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_only_the_migration_knows_the_owner() -> None:
    migrate = SERVICES["migrate"]
    assert migrate["restart"] == "no"
    assert migrate["environment"]["DATABASE_URL"].startswith("postgresql://hall_owner@")
    for step in ("migrate_safely", "database_roles", "check --deploy"):
        assert f"manage.py {step}" in migrate["command"][-1]
    holders = {name for name, service in SERVICES.items() if "owner_password" in service.get("secrets", [])}
    assert holders == {"postgres", "migrate"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_compose_gives_every_value_that_the_production_settings_insist_on(name: str) -> None:
    given = {value.removesuffix("_FILE") for value in SERVICES[name]["environment"]}
    assert {wanted.removesuffix("_FILE") for wanted in checks.PRODUCTION} <= given


def test_only_the_proxy_is_reachable_from_outside_the_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "nginx": ["80:8080", "443:8443"],
        "web": ["127.0.0.1:${HALL_PORT:-8000}:8000"],
    }
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "broker"):
        assert SERVICES[name]["networks"] == ["inside"]
    assert SERVICES["nginx"]["networks"] == ["outside"]


def test_secrets_are_files_and_never_values() -> None:
    """None has a default, none stands in the environment: whoever lists processes or containers sees no secret."""
    for name, service in SERVICES.items():
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"]), name
        for variable, value in service["environment"].items() if "environment" in service else ():
            if re.search(r"PASSWORD|SECRET|TOKEN|_KEY", variable):
                assert variable.endswith("_FILE"), (name, variable)
                assert str(value).startswith(("/run/", "${")), (name, variable)
    for secret in COMPOSE["secrets"].values():
        assert secret["file"].startswith("${HALL_SECRETS_DIR:?")
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])


def test_volumes_outlive_containers() -> None:
    used = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(("$", "."))
    }
    assert used == set(COMPOSE["volumes"])


def test_every_queue_has_a_worker_of_its_own() -> None:
    """All queues that a task or the schedule names, and those of the development's worker."""
    named = set(machine.queues_by_task().values())
    named |= set(machine.tasks_by_queue())
    named |= set(hallprocesses.QUEUES.split(","))
    taken = [queue for name in SERVICES for queue in queues_of(name)]
    assert sorted(taken) == sorted(named)


def test_a_worker_has_longer_to_stop_than_its_ping_waits() -> None:
    for name in SERVICES:
        if queues_of(name):
            assert SERVICES[name]["stop_grace_period"] == "150s"
            assert "inspect ping" in SERVICES[name]["healthcheck"]["test"][1]


def test_the_archive_changes_nothing_but_the_archive() -> None:
    """Compose replaces a command as a whole, so the added file repeats the settings of the first."""
    added = yaml.safe_load((ROOT / "deploy/compose.archive.yml").read_text(encoding="utf-8"))
    command = added["services"]["postgres"]["command"]
    assert command[: len(SERVICES["postgres"]["command"])] == SERVICES["postgres"]["command"]
    assert "-carchive_mode=on" in command


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
