"""The command line behind the scripts: `python -m runtime run | test | check | bench | pictures | manage`.

Any Python 3.11 may start it; when the virtual environment is not the one running, it is built and taken over to.
"""

import os
import sys
from collections.abc import Sequence

from runtime import venv
from runtime.console import Problem, complain
from runtime.venv import ROOT

DEVELOPMENT = {"run": False, "manage": False, "test": True, "check": True, "bench": True, "pictures": True}


def main(arguments: Sequence[str]) -> int:
    """Carry out one command; a Problem is told in its own words, without a traceback."""
    command, rest = (arguments[0] if arguments else ""), list(arguments[1:])
    if command not in DEVELOPMENT:
        complain(f"Name one of: {', '.join(DEVELOPMENT)}.")
        return 2
    try:
        return _carry_out(command, rest)
    except Problem as problem:
        complain(str(problem))
        return problem.exit_code
    except KeyboardInterrupt:
        return 130


def _carry_out(command: str, rest: list[str]) -> int:
    if command == "run":
        from runtime import run

        options = run.parse(
            rest
        )  # before anything is installed: --help and a typing error are answered at once
        _enter_environment(command, rest)
        return run.run(options, os.environ)
    _enter_environment(command, rest)
    if command == "manage":
        from runtime import managing

        return managing.manage(rest, os.environ)
    if command == "check":
        from runtime import checks

        return checks.run(rest, os.environ)
    from runtime import testing

    work = {"test": testing.test, "bench": testing.bench, "pictures": testing.pictures}
    return work[command](rest, os.environ)


def _enter_environment(command: str, rest: list[str]) -> None:
    """Continue as the virtual environment's Python, after everything is installed in it."""
    python = venv.ensure(development=DEVELOPMENT[command], environ=os.environ)
    if not venv.is_current_interpreter():
        os.chdir(ROOT)
        os.execv(python, [str(python), "-m", "runtime", command, *rest])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
