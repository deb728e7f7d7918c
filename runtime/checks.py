"""`script/check`: everything that can be said about the code without running its tests."""

import json
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime import newmigrations, services
from runtime.console import Problem, say
from runtime.venv import ROOT

Environ = Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """How a step ended; `note` says what a bare "passed" would hide."""

    passed: bool
    note: str = ""


def run(names: Sequence[str], environ: Environ) -> int:
    """Run the named steps, or all; every step is run even when one before it failed."""
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        raise Problem(f"No such check: {', '.join(unknown)}. There are: {', '.join(STEPS)}.", exit_code=2)
    outcomes = {name: _timed(name, environ) for name in names or STEPS}
    say("")
    for name, outcome in outcomes.items():
        say(
            f"{'passed' if outcome.passed else 'FAILED'}  {name}{'  (' + outcome.note + ')' if outcome.note else ''}"
        )
    return 0 if all(outcome.passed for outcome in outcomes.values()) else 1


def _timed(name: str, environ: Environ) -> Outcome:
    say(f"— {name}")
    started = time.monotonic()
    outcome = STEPS[name](environ)
    say(f"  {name}: {'passed' if outcome.passed else 'FAILED'} in {time.monotonic() - started:.1f} s")
    return outcome


def _module(environ: Environ, *arguments: str) -> Outcome:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, env=dict(environ), check=False)
    return Outcome(done.returncode == 0)


def _manage(environ: Environ, *arguments: str) -> Outcome:
    done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=dict(environ), check=False)
    return Outcome(done.returncode == 0)


def _format(environ: Environ) -> Outcome:
    return _module(environ, "ruff", "format", "--check", ".")


def _lint(environ: Environ) -> Outcome:
    return _module(environ, "ruff", "check", ".")


def _types(environ: Environ) -> Outcome:
    names = [path.name for path in sorted(ROOT.iterdir()) if (path / "__init__.py").exists()]
    return _module(environ, "mypy", "manage.py", *names)


def _imports(environ: Environ) -> Outcome:
    """lint-imports fails on packages that are named but not built yet, so it gets the contracts without those."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    built = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    with tempfile.TemporaryDirectory(prefix="hall-check-") as folder:
        file = Path(folder) / "contracts.ini"
        file.write_text(contracts_file(settings, built), encoding="utf-8")
        script = "import sys; from importlinter.cli import lint_imports_command as run; run()"
        command = [sys.executable, "-c", script, "--config", str(file), "--no-cache", "--no-logo"]
        return Outcome(subprocess.run(command, cwd=ROOT, env=dict(environ), check=False).returncode == 0)


def contracts_file(settings: Mapping[str, Any], built: set[str]) -> str:
    """The import contracts as an INI file that names only packages that exist; empty contracts are left out."""
    known = set(settings["root_packages"])

    def kept(modules: Sequence[str]) -> list[str]:
        return [module for module in modules if module.strip("()") not in known - built]

    lines = ["[importlinter]", "include_external_packages = True", "root_packages ="]
    lines += [f"    {package}" for package in kept(settings["root_packages"])]
    for number, contract in enumerate(settings["contracts"]):
        lists = {name: kept(value) for name, value in contract.items() if isinstance(value, list)}
        if not all(lists.values()):
            continue
        lines += [
            f"[importlinter:contract:{number}]",
            f"name = {contract['name']}",
            f"type = {contract['type']}",
        ]
        for name, modules in lists.items():
            lines += [f"{name} =", *(f"    {module}" for module in modules)]
    return "\n".join(lines) + "\n"


def _migrations(environ: Environ) -> Outcome:
    """Models and migrations agree, the database could apply them in order, and new ones may run while it is used."""
    with services.temporary(environ) as running:
        addresses = running.test_environment() | {"DJANGO_SETTINGS_MODULE": "hall.settings.test"}
        values = {**environ, **addresses}
        agree = _manage(values, "makemigrations", "--check", "--dry-run")
        harmless, note = newmigrations.check(values)
        return Outcome(agree.passed and harmless, note)


def _deploy(environ: Environ) -> Outcome:
    """Django's own checks on the production settings; the values are thrown away, nothing is connected to."""
    values = {**environ, **PRODUCTION}
    # A warning about the security of the settings is a mistake in them. Others tell the operator of the day's
    # business, such as a calendar that ends this year: they are shown, and fail no build.
    everything = _manage(values, "check", "--deploy", "--fail-level", "ERROR")
    security = _manage(values, "check", "--deploy", "--tag", "security", "--fail-level", "WARNING")
    return Outcome(everything.passed and security.passed)


def _audit(environ: Environ) -> Outcome:
    """Known weaknesses in what is installed. A finding fails; a service that cannot be reached is said aloud."""
    frozen = subprocess.run(
        [sys.executable, "-m", "pip", "freeze", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=True,
        env=dict(environ),
    ).stdout
    with tempfile.TemporaryDirectory(prefix="hall-check-") as folder:
        file = Path(folder) / "installed.txt"
        file.write_text(frozen, encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "-r", str(file), "--no-deps", "--disable-pip"]
        command += ["--format", "json", "--progress-spinner", "off", "--timeout", "15"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(environ))
    return judge_audit(done.stdout, done.stderr)


def judge_audit(report: str, errors: str) -> Outcome:
    """Read pip-audit's JSON report, or what it said instead of one."""
    try:
        dependencies = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        if any(sign in errors for sign in UNREACHABLE):
            return _unreachable(errors.strip().splitlines()[-1])
        say(errors.strip())
        return Outcome(False, "pip-audit failed")
    audited = [item for item in dependencies if "vulns" in item]
    for item in audited:
        for finding in item["vulns"]:
            fixed = ", ".join(finding.get("fix_versions") or ["none yet"])
            say(f"  {item['name']} {item['version']}: {finding['id']}, fixed in {fixed}")
    if any(item["vulns"] for item in audited):
        return Outcome(False, "known weaknesses in dependencies")
    if dependencies and not audited:
        return _unreachable("it knew none of the packages")
    missed = len(dependencies) - len(audited)
    return Outcome(
        True, f"{len(audited)} packages audited" + (f", {missed} unknown to the service" if missed else "")
    )


def _unreachable(reason: str) -> Outcome:
    say(f"  audit service not reachable: {reason}")
    return Outcome(True, "audit service not reachable: NOTHING was audited")


UNREACHABLE = (
    "ConnectionError",
    "ServiceError",
    "Max retries",
    "timed out",
    "Connection refused",
    "ConnectTimeout",
)

# Well-formed values for every variable that the production settings insist on.
PRODUCTION: Environ = {
    "DJANGO_SETTINGS_MODULE": "hall.settings.prod",
    "DATABASE_URL": "postgresql://hall_app:throw-away@127.0.0.1:5432/hall",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "HALL_SECRET_KEY": "throw-away-6Zb1pT0sYw9Qx4Lk8Ve2Rm7Hd3Gn5Cj-Ua_Of1Ei6Ns0Bt",
    "HALL_ALLOWED_HOSTS": "hall.example.com",
    "HALL_TRUSTED_ORIGINS": "https://hall.example.com",
    "HALL_BASE_URL": "https://hall.example.com",
    "ALIPAY_APP_ID": "9021000000000001",
    "ALIPAY_SELLER_ID": "2088000000000001",
    "ALIPAY_APP_PRIVATE_KEY_FILE": "/run/secrets/alipay_app_private_key.pem",
    "ALIPAY_PUBLIC_KEY_FILE": "/run/secrets/alipay_public_key.pem",
    "ALIPAY_GATEWAY_URL": "https://gateway.example.com/gateway.do",
    "WECHATPAY_APP_ID": "wx0000000000000001",
    "WECHATPAY_MCH_ID": "1900000001",
    "WECHATPAY_API_V3_KEY": "throw-away-0123456789abcdef01234",
    "WECHATPAY_MCH_PRIVATE_KEY_FILE": "/run/secrets/wechatpay_mch_private_key.pem",
    "WECHATPAY_MCH_SERIAL": "5A0D000000000000000000000000000000000001",
    "WECHATPAY_PLATFORM_CERT_FILE": "/run/secrets/wechatpay_platform_cert.pem",
    "WECHATPAY_GATEWAY_URL": "https://wechatpay.example.com",
    "SMS_GATEWAY_URL": "https://sms.example.com/send",
    "SMS_GATEWAY_SECRET": "throw-away-0123456789",
    "HALL_UPLOAD_SCANNER": "off",
}

STEPS: Mapping[str, Callable[[Environ], Outcome]] = {
    "format": _format,
    "lint": _lint,
    "types": _types,
    "imports": _imports,
    "migrations": _migrations,
    "deploy": _deploy,
    "audit": _audit,
}
