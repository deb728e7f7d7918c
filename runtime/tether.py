"""Run as a script: become another command that is told to end when its parent dies.

    python tether.py PARENT_PID COMMAND [ARGUMENT ...]

A supervisor killed with -9 can stop nothing itself; on Linux the kernel does it with this. Elsewhere the next
start finds and ends what was left behind.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then replace it by the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
        # The parent may have died before the call above: then nobody would ever send the signal.
        if os.getppid() != int(sys.argv[1]):
            sys.exit(0)
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
