"""The whole hall as processes of its own: database, stand-ins, worker with scheduler, web server. All on loopback."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import redis

from sandbox.config import Config
from sandbox.keys import ensure
from tests.gateways.keys import APP_ID, SELLER_ID
from tests.sandbox import process
from tests.sandbox.process import SandboxProcess

REPOSITORY = process.REPOSITORY
PATIENCE = 60.0  # seconds; a busy machine starts Python slowly


@dataclass
class House:
    """Where everything is while it runs."""

    url: str
    sandbox: SandboxProcess
    folder: Path
    environ: Mapping[str, str]
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)

    def sms(self, phone: str) -> list[str]:
        """The texts that went to the phone, newest first."""
        found = self.sandbox.get("/sms/api/messages", phone=phone).json()["messages"]
        assert isinstance(found, list)
        return [message["text"] for message in found]

    def code(self, phone: str, *, after: int = 0) -> str:
        """The six digits of the newest message, once more than `after` messages have come."""
        process.until(lambda: len(self.sms(phone)) > after, PATIENCE)
        digits = re.search(r"\d{6}", self.sms(phone)[0])
        assert digits is not None
        return digits[0]

    def wait_until_a_code_may_be_asked_for(self, phone: str) -> None:
        """One code a minute goes to a phone, whichever tests ask for it."""
        if phone in self.asked:
            time.sleep(max(0.0, self.asked[phone] + 61 - time.monotonic()))
        self.asked[phone] = time.monotonic()

    @contextmanager
    def worker_asleep(self) -> Iterator[None]:
        """No background work is done inside the block."""
        group = os.getpgid(self.processes["worker"].pid)
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    def start(self, name: str, *module: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=REPOSITORY,
                env=dict(self.environ),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def manage(self, *arguments: str) -> str:
        """Runs one management command and returns what it said."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=REPOSITORY, env=dict(self.environ), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stop(self) -> None:
        for running in reversed(self.processes.values()):
            _end(running)


@contextmanager
def open_house(folder: Path, *, database_url: str, redis_url: str) -> Iterator[House]:
    """A hall with demo data on a database of its own, gone afterwards."""
    ensure(keys := folder / "keys")
    port = _free_port()
    with ExitStack() as stack:
        own_database = stack.enter_context(_database(database_url))
        url = f"http://127.0.0.1:{port}"
        sandbox = SandboxProcess("--keys", str(keys), HALL_BASE_URL=url)
        stack.callback(sandbox.stop)
        redis.Redis.from_url(redis_url).flushdb()
        house = House(url, sandbox, folder, _environment(folder, url, sandbox, own_database, redis_url))
        stack.callback(house.stop)
        house.manage("migrate", "--skip-checks", "--verbosity", "0")
        house.manage("demo_data", "--skip-checks")
        _start(house, port)
        yield house


def _start(house: House, port: int) -> None:
    web = ["granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws"]
    house.start("web", *web, "--blocking-threads", "4", "hall.wsgi:application")
    worker = [
        "celery",
        "-A",
        "hall",
        "worker",
        "-Q",
        "payments,notices,provisioning,default",
        "-c",
        "1",
        "--without-mingle",
    ]
    house.start("worker", *worker, "-B", "-s", str(house.folder / "beat-schedule"))

    def answers() -> bool:
        try:
            return process.request("GET", f"{house.url}/readyz").status == 200
        except OSError:
            return False

    def works() -> bool:
        return b"ready" in (house.folder / "worker.log").read_bytes()

    process.until(answers, PATIENCE)
    process.until(works, PATIENCE)


def _environment(
    folder: Path, url: str, sandbox: SandboxProcess, database_url: str, redis_url: str
) -> dict[str, str]:
    keys = folder / "keys"
    return process.environment(
        DJANGO_SETTINGS_MODULE="hall.settings.dev",
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
        HALL_SECRET_KEY="only-for-the-browser-tests",
        HALL_BASE_URL=url,
        HALL_DATA_DIR=str(folder),
        SANDBOX_URL=sandbox.url,
        ALIPAY_APP_ID=APP_ID,
        ALIPAY_SELLER_ID=SELLER_ID,
        ALIPAY_APP_PRIVATE_KEY_FILE=str(keys / "app_private_key.pem"),
        ALIPAY_PUBLIC_KEY_FILE=str(keys / "alipay_public_key.pem"),
        ALIPAY_GATEWAY_URL=sandbox.gateway_url,
        WECHATPAY_APP_ID=Config.wechatpay_app_id,
        WECHATPAY_MCH_ID=Config.wechatpay_mch_id,
        WECHATPAY_MCH_SERIAL=Config.wechatpay_mch_serial,
        WECHATPAY_API_V3_KEY_FILE=str(keys / "wechatpay_api_v3_key.txt"),
        WECHATPAY_MCH_PRIVATE_KEY_FILE=str(keys / "wechatpay_mch_private_key.pem"),
        WECHATPAY_PLATFORM_CERT_FILE=str(keys / "wechatpay_platform_cert.pem"),
        WECHATPAY_GATEWAY_URL=sandbox.url,
        DEBIT_MERCHANT_ID=Config.debit_merchant_id,
        DEBIT_GATEWAY_URL=f"{sandbox.url}/debit",
        SMS_GATEWAY_URL=f"{sandbox.url}/sms/send",
        EMAIL_WEBHOOK_SECRET=process.SECRET,
    )


@contextmanager
def _database(url: str) -> Iterator[str]:
    """An empty database beside the one that `url` names."""
    parts = urlsplit(url)
    name = f"hall_browser_{os.getpid()}"
    _run(url, [f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}"])
    try:
        yield parts._replace(path=f"/{name}").geturl()
    finally:
        _run(url, [f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"])


def _run(url: str, statements: Sequence[str]) -> None:
    connection = psycopg2.connect(urlsplit(url)._replace(path="/postgres").geturl())
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(running: "subprocess.Popen[bytes]") -> None:
    """Asks the process to end; what is left of its group after a while is killed."""
    running.terminate()
    try:
        running.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait(5)
