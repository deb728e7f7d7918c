"""What must be true of the settings before the hall is opened to strangers (`manage.py check --deploy`)."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

from core import limits
from operations import registry

_LEAST_SHARED = 16  # characters of a secret that is shared with somebody
_SHARED = (
    "SMS_GATEWAY_SECRET",
    "EMAIL_WEBHOOK_SECRET",
    "DEBIT_SECRET",
    "PROVISIONING_SECRET",
    "METRICS_TOKEN",
)
_LEAST_OWN, _VARIETY = 50, 10
_DEFAULTS = frozenset({"api"})  # entries that are no address
_ENTRY = re.compile(r"(?:[A-Z]+ )?(\S+)(?: (\S+))?")  # method, address, operation


@register(Tags.security, deploy=True)
def secrets_are_strong(**_: Any) -> Sequence[CheckMessage]:
    """hall.E001: the key that signs everything; hall.E002: secrets shared with others. An empty one switches off."""
    found: list[CheckMessage] = []
    key = settings.SECRET_KEY
    if len(key) < _LEAST_OWN or len(set(key)) < _VARIETY:
        found.append(Error("HALL_SECRET_KEY is weak", hint="50 random characters or more.", id="hall.E001"))
    for name in _SHARED:
        value = getattr(settings, name, "")
        if value and (len(value) < _LEAST_SHARED or len(set(value)) < 6):
            hint = f"{_LEAST_SHARED} random characters or more, or none to switch it off."
            found.append(Error(f"{name} is weak", hint=hint, id="hall.E002"))
    return found


@register(Tags.security, deploy=True)
def cookies_are_bound(**_: Any) -> Sequence[CheckMessage]:
    """hall.E003: cookies that tell who somebody is go over TLS alone, to this host alone, and to no script."""
    wrong = [
        name
        for name in ("SESSION_COOKIE", "CSRF_COOKIE")
        if not (
            getattr(settings, f"{name}_NAME").startswith("__Host-")
            and getattr(settings, f"{name}_SECURE")
            and getattr(settings, f"{name}_HTTPONLY")
        )
    ]
    return [Error(f"{name} is not bound to this host", id="hall.E003") for name in wrong]


@register
def limits_are_of_addresses(**_: Any) -> Sequence[CheckMessage]:
    """hall.E004: each entry of RATE_LIMITS can be read, and its address exists: a misspelt one limits nothing."""
    known = set(_names(get_resolver())) | _DEFAULTS
    found: list[CheckMessage] = []
    for entry, text in settings.RATE_LIMITS.items():
        limits.parse(text)
        match = _ENTRY.fullmatch(entry)
        if match is None or match[1] not in known or (match[2] and registry.find(match[2]) is None):
            found.append(Error(f"RATE_LIMITS: no address is called {entry!r}", id="hall.E004"))
    return found


def _names(resolver: URLResolver, space: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _names(pattern, inner)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield f"{space}{pattern.name}"
