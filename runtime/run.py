"""`script/run`: the whole hall on this machine, in one terminal."""

import argparse
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from runtime import datafolder, environment, hallprocesses, ports, processes
from runtime.console import Problem, say
from runtime.datafolder import DataFolder
from runtime.services import Services
from runtime.supervisor import ProgramUnit, Stop, Supervisor, Unit, catch_signals, ignore_signals
from runtime.venv import ROOT


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/run", description="Start the hall on this machine.")
    parser.add_argument(
        "--port", type=_port, default=8000, help="of the web server; the stand-ins get the next one"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="drop all data of this hall first, without asking"
    )
    parser.add_argument("--no-demo", action="store_true", help="load no demo data")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 65534:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65534")
    return int(text)


def check_ports(port: int) -> None:
    """Refuse at once, and say what to do, when an address that we need is taken."""
    for number, what in ((port, "the web server"), (port + 1, "the stand-ins for payment and SMS")):
        if not ports.is_free(number):
            raise Problem(
                f"Port {number} on {ports.LOOPBACK}, needed for {what}, is in use by another program, or not allowed.\n"
                f"Stop that program, or choose another port: script/run --port {8100 if port == 8000 else 8000}",
                exit_code=2,
            )


def run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Start everything, watch it until Ctrl-C, stop everything. Returns the exit code."""
    data = datafolder.prepare(datafolder.choose(ROOT, environ, is_root=os.geteuid() == 0))
    with datafolder.locked(data):
        _end_leftovers(data)
        check_ports(options.port)
        if options.fresh:
            _drop(data, environ)
        return Run(data, options, environ).to_the_end()


def _end_leftovers(data: DataFolder) -> None:
    noted = data.read_state().get("processes", {})
    alive = processes.leftovers(data.root, [(pid, started) for pid, started in noted.values()])
    if alive:
        say(f"Stopping {len(alive)} processes that an earlier run left behind …")
        processes.end(alive)


def _drop(data: DataFolder, environ: Mapping[str, str]) -> None:
    # The servers are asked to leave before their files go.
    for service in (parts := Services(data, environ)).postgres, parts.broker:
        if service is not None:
            service.end_survivors()
    data.remove_contents()
    datafolder.prepare(data.root)
    say(f"Dropped all data in {data.root}.")
    if environ.get("DATABASE_URL"):
        say("The database named by DATABASE_URL is your own and was left as it is.")


class Run:
    """One run of the hall, from the first service to the last one stopped."""

    def __init__(self, data: DataFolder, options: argparse.Namespace, environ: Mapping[str, str]) -> None:
        self.data = data
        self.port: int = options.port
        self.with_demo = not options.no_demo
        self.caller_environ = environ
        self.services = Services(data, environ)
        self.environ: dict[str, str] = {}
        self.supervisor: Supervisor | None = None

    def to_the_end(self) -> int:
        catch_signals()
        try:
            self._start()
            assert self.supervisor is not None
            self.supervisor.watch()
        except Stop:
            say("\nStopping …")
        finally:
            ignore_signals()
            self._stop()
        say(f"Stopped. The data stays in {self.data.root}.")
        return 0

    def _start(self) -> None:
        started = time.monotonic()
        say(f"Data folder: {self.data.root}")
        self.data.note(supervisor={"pid": os.getpid(), "url": self._url}, processes={})
        self.services.start()
        say(f"Database and broker are ready ({time.monotonic() - started:.1f} s).")
        self.environ = environment.for_processes(
            self.data, self.services.credentials, self.services.environment(), self.port, self.caller_environ
        )
        self._prepare_data()
        self._start_processes()
        say(f"\nThe hall is open: {self._url}   (ready in {time.monotonic() - started:.1f} s)")
        say(f"Stand-in cashier and SMS inbox: http://{ports.LOOPBACK}:{self.port + 1}/")
        say(f"Logs: {self.data.logs}")
        if self.with_demo:
            self._manage("demo_data", "--skip-checks", "--logins")
        say("Ctrl-C stops everything.")

    @property
    def _url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.port}/"

    def _prepare_data(self) -> None:
        """Keys, tables, rights and demo data; each of these does nothing where it was done before."""
        self._python("-m", "sandbox", "keys", str(self.data.keys), output=subprocess.DEVNULL)
        say("Bringing the database up to date …")
        owner = {"DATABASE_URL": self.services.owner_url}
        self._manage("migrate", "--no-input", "--skip-checks", "--verbosity", "0", environ=owner)
        if self.services.postgres is not None:
            self._manage("database_roles", "--skip-checks", "--verbosity", "0", environ=owner)
        if self.with_demo:
            self._manage("demo_data", "--skip-checks")

    def _manage(self, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
        self._python(str(ROOT / "manage.py"), *arguments, environ=environ)

    def _python(
        self, *arguments: str, environ: Mapping[str, str] | None = None, output: int | None = None
    ) -> None:
        """Run one preparing step to its end; its output is shown, a failure ends the start."""
        command = [sys.executable, *arguments]
        # A session of its own, as all our children: Ctrl-C comes to us, and we end the step in order.
        step = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**self._marked(), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            start_new_session=True,
        )
        try:
            failed = step.wait() != 0
        finally:
            if step.poll() is None:
                step.terminate()
        if failed:
            shown = " ".join(arguments).replace(f"{ROOT}/", "")
            raise Problem(f"This step failed, with its message above: {shown}")

    def _marked(self) -> dict[str, str]:
        return environment.marked(self.environ, self.data.root)

    def _start_processes(self) -> None:
        units: list[Unit] = [
            unit for unit in (self.services.postgres, self.services.broker) if unit is not None
        ]
        programs = hallprocesses.programs(self.data, self._marked(), self.port)
        units += [ProgramUnit(program, self._note) for program in programs]
        self.supervisor = Supervisor(units, lambda name: processes.last_lines(self.data.log(name)))
        self.supervisor.start()
        answered = processes.wait_until(lambda: self._web_answers(self.supervisor), 30, pause=0.2)
        if not answered:
            say(
                f"The web server does not answer yet. Its log so far:\n{processes.last_lines(self.data.log('web'))}"
            )

    def _web_answers(self, supervisor: Supervisor | None) -> bool:
        """Ask the health page once, and let the supervisor look after what died meanwhile."""
        if supervisor is not None:
            supervisor.check()
        connection = http.client.HTTPConnection(ports.LOOPBACK, self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _note(self, name: str, identity: processes.Identity) -> None:
        noted = self.data.read_state().get("processes", {})
        self.data.note(processes=noted | {name: identity})

    def _stop(self) -> None:
        if self.supervisor is not None:
            self.supervisor.stop()
        # What was being started when the signal came is on no list: it is found by its mark.
        processes.end(processes.leftovers(self.data.root))
        self.services.stop()
        self.data.note(supervisor={}, processes={})
