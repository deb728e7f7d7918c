"""Whether a file carries a virus: asked of a scanner beside the hall, before anything is kept."""

import socket
import struct
from typing import Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from core.errors import HallError

_CHUNK = 64 * 1024
_SECONDS = 20.0


class Infected(HallError):
    code = "FILE_INFECTED"
    message = _("文件没有通过安全检查，不能上传")
    status = 422


class ScannerAway(HallError):
    code = "SCANNER_AWAY"
    message = _("现在不能上传文件，请稍后再试")
    status = 503


class Scanner(Protocol):
    name: str

    def scan(self, data: bytes) -> None:
        """Returns when nothing was found; raises Infected or ScannerAway."""


class Off:
    """Nobody is asked: for development, or where the operator has said so."""

    name = "off"

    def scan(self, data: bytes) -> None:
        return None


class Clamd:
    """ClamAV's daemon, by its INSTREAM command."""

    name = "clamd"

    def __init__(self, host: str, port: int) -> None:
        self._where = (host, port)

    def scan(self, data: bytes) -> None:
        try:
            verdict = self._ask(data)
        except OSError as error:
            raise ScannerAway() from error
        if verdict.endswith(b" FOUND"):
            raise Infected()
        if not verdict.endswith(b": OK"):
            raise ScannerAway()

    def _ask(self, data: bytes) -> bytes:
        with socket.create_connection(self._where, timeout=_SECONDS) as link:
            link.sendall(b"zINSTREAM\0")
            for start in range(0, len(data), _CHUNK):
                chunk = data[start : start + _CHUNK]
                link.sendall(struct.pack("!L", len(chunk)) + chunk)
            link.sendall(struct.pack("!L", 0))
            answer = b""
            while part := link.recv(4096):
                answer += part
            return answer.rstrip(b"\0\n ")


def configured() -> Scanner:
    """The one that UPLOAD_SCANNER names: "off", or "clamd:HOST:PORT"."""
    kind, _sep, where = settings.UPLOAD_SCANNER.partition(":")
    host, _sep, port = where.rpartition(":")
    if kind == "off" and not where:
        return Off()
    if kind == "clamd" and host and port.isdecimal():
        return Clamd(host, int(port))
    raise ImproperlyConfigured("HALL_UPLOAD_SCANNER must be off or clamd:HOST:PORT")
