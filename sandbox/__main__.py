"""python -m sandbox keys DIR · python -m sandbox serve --port N"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from sandbox import keys
from sandbox.app import Sandbox
from sandbox.config import Misconfigured, from_environment, refuse_production


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code: 2 when it cannot start."""
    options = _parser().parse_args(arguments)
    try:
        refuse_production(os.environ)
        if options.command == "keys":
            return _keys(options.folder)
        return _serve(options)
    except (Misconfigured, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Stand-ins for Alipay, WeChat Pay, a bank, an SMS gateway and provisioning",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("keys", help="write the keys that are missing")
    making.add_argument("folder", type=Path)
    serving = commands.add_parser("serve", help="serve until SIGTERM or Ctrl-C")
    serving.add_argument("--host", default="127.0.0.1")
    serving.add_argument("--port", type=int, help="0: any free one (else SANDBOX_PORT)")
    serving.add_argument("--keys", help="folder of the keys (else SANDBOX_KEYS_DIR)")
    serving.add_argument("--state", help="SQLite file that survives a restart (else SANDBOX_STATE_FILE)")
    serving.add_argument("--notify-url", help="where notices go when a payment request names no address")
    return parser


def _keys(folder: Path) -> int:
    for path in keys.ensure(folder):
        print(path)
    return 0


def _serve(options: argparse.Namespace) -> int:
    config = from_environment(
        os.environ,
        host=options.host,
        port=options.port,
        keys=options.keys,
        state=options.state,
        notify_url=options.notify_url,
    )
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    sandbox = Sandbox(config)
    sandbox.start()
    print(f"sandbox: listening on {sandbox.url}", flush=True)
    ending.wait()
    sandbox.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
