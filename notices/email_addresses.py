"""E-mail addresses as people type them. What is kept can stand in a mail's header and envelope as it is."""

import re
import unicodedata

from django.utils.translation import gettext_lazy as _

from core.errors import HallError

LONGEST, LONGEST_NAME = 254, 64  # RFC 5321
_FULL_WIDTH = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x3000: 0x20, 0x3002: 0x2E}  # ＠ ． 。
_NAME = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")  # dot-atom, no quotes
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_TOP = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")  # no numbers: not an IP address


class BadEmail(HallError):
    code = "BAD_EMAIL"
    message = _("邮箱地址不正确，请核对后再填，例如 wang@example.com")
    status = 422


def clean(text: str) -> str:
    """The address in ASCII and lower case, a Chinese domain in its xn-- form. Raises BadEmail.

    Names before the @ are ASCII only: too many mail servers take no others. Nothing that could end a header line,
    add an address or be quoted gets through.
    """
    typed = text.translate(_FULL_WIDTH).strip(" \t")
    name, at, domain = typed.rpartition("@")
    domain = _ascii(domain)
    address = f"{name}@{domain}".lower()
    if not (at and len(name) <= LONGEST_NAME and len(address) <= LONGEST):
        raise BadEmail()
    labels = domain.lower().split(".")
    is_domain = len(labels) > 1 and all(map(_LABEL.fullmatch, labels)) and _TOP.fullmatch(labels[-1])
    if not (name.isascii() and _NAME.fullmatch(name.lower()) and is_domain):
        raise BadEmail()
    return address


def readable(address: str) -> str:
    """The address as its owner writes it: a Chinese domain in Chinese."""
    name, at, domain = address.rpartition("@")
    try:
        return f"{name}{at}{domain.encode('ascii').decode('idna')}"
    except UnicodeError:
        return address


def mask(address: str) -> str:
    """w***@example.com: enough to recognise, too little to use."""
    name, at, domain = readable(address).rpartition("@")
    return f"{name[:1]}***{at}{domain}"


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    if not all(character in ".-" or unicodedata.category(character)[0] in "LMN" for character in domain):
        raise BadEmail()  # the codec below would drop some of what nobody sees
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadEmail() from None
