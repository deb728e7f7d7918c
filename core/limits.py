"""How often something may be asked for: one table in the settings (RATE_LIMITS), one statement a request.

The counts live in the database, so that they hold over all processes and survive a restart. Of each (limit, whom) only
one moment is kept: when all that was used up will have grown back (the generic cell rate algorithm). N may come at
once, and then one each PERIOD/N; no window begins anew at which twice as many would pass.
"""

import ipaddress
import logging
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import randrange
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.crypto import salted_hmac

from core import clock, json_errors
from core.errors import TooManyRequests

log = logging.getLogger("hall.security")
WHOM = ("ip", "user", "phone", "link")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LIMIT = re.compile(r"([1-9]\d*)/([smhd])/(\w+)")
_NAMED_IN = {"account_login": "login"}  # the field that says who is meant; "phone" on every other page
_CLEAN_EVERY = 1_000  # requests
Client = Callable[[HttpRequest], str | None]


@dataclass(frozen=True, slots=True)
class Limit:
    """`hits` of them within `seconds`, counted by `per`."""

    hits: int
    seconds: int
    per: str


@lru_cache(maxsize=256)
def parse(text: str) -> tuple[Limit, ...]:
    """Reads "60/m/ip,20/h/phone"; raises ImproperlyConfigured."""
    found = []
    for word in text.split(","):
        match = _LIMIT.fullmatch(word.strip())
        if match is None or match[3] not in WHOM:
            raise ImproperlyConfigured(f"RATE_LIMITS: {word!r} is not N/s|m|h|d/{'|'.join(WHOM)}")
        found.append(Limit(int(match[1]), _SECONDS[match[2]], match[3]))
    return tuple(found)


_TAKE = """
    INSERT INTO core_limit AS kept (key, free_at)
    SELECT key, %(now)s + step FROM unnest(%(keys)s::text[], %(steps)s::float8[]) AS asked (key, step) ORDER BY key
        ON CONFLICT (key) DO UPDATE SET free_at = greatest(kept.free_at, %(now)s) + (excluded.free_at - %(now)s)
     WHERE greatest(kept.free_at, %(now)s) + (excluded.free_at - %(now)s)
           <= %(now)s + (%(spans)s::float8[])[array_position(%(keys)s::text[], kept.key)]
    RETURNING key"""


def take(name: str, limits: Sequence[Limit], whom: dict[str, str], *, now: float) -> float:
    """Counts one request; how many seconds until it would be allowed, 0.0: it is. `whom` has a value per kind."""
    factor = settings.RATE_LIMIT_FACTOR
    used = {_key(name, limit, whom[limit.per]): limit for limit in limits if limit.per in whom}
    if not used:
        return 0.0
    spans = {key: float(limit.seconds) for key, limit in used.items()}
    values: dict[str, Any] = {
        "keys": list(used),
        "steps": [limit.seconds / (limit.hits * factor) for limit in used.values()],
        "spans": list(spans.values()),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        refused = used.keys() - {key for (key,) in cursor.fetchall()}
        if randrange(_CLEAN_EVERY) == 0:
            cursor.execute("DELETE FROM core_limit WHERE free_at < %s", [now])
        if not refused:
            return 0.0
        cursor.execute("SELECT key, free_at FROM core_limit WHERE key = ANY(%s)", [list(refused)])
        waits = [
            free_at + spans[key] / (used[key].hits * factor) - spans[key] - now for key, free_at in cursor
        ]
    return float(max(1.0, *waits))


def _key(name: str, limit: Limit, who: str) -> str:
    """Nobody's phone or address stands in the table."""
    return salted_hmac("core.limits", f"{name} {limit.hits}/{limit.seconds}/{limit.per} {who}").hexdigest()


def of_address(view_name: str, method: str, code: str = "") -> tuple[str, tuple[Limit, ...]] | None:
    """The entry of the table for an address, and its limits; that of one operation (`code`) goes before all."""
    for name in (f"{method} {view_name} {code}", f"{method} {view_name}", view_name):
        if name in settings.RATE_LIMITS:
            return name, parse(settings.RATE_LIMITS[name])
    return None


def network(address: str | None) -> str:
    """Whom an address stands for: the /64 of IPv6, of which everybody has 2^64 addresses."""
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if known.version == 6:
        return str(ipaddress.ip_network(f"{known}/64", strict=False).network_address)
    return str(known)


def client_address(request: HttpRequest) -> str:
    """The caller's network, behind as many proxies as the settings trust."""
    trusted = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    if trusted and hops:
        return network(hops[-min(trusted, len(hops))])
    return network(request.META.get("REMOTE_ADDR"))


class RateLimitMiddleware:
    """Last in the list: the address is known, and so is who is logged in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        if match is None or hasattr(view, "cls"):  # the interface counts when it knows whose token it is
            return None
        entry = of_address(match.view_name, request.method or "", str(kwargs.get("code", "")))
        if entry is None:
            return None
        name, limits = entry
        whom = _whom(request, kwargs, {limit.per for limit in limits})
        wait = take(name, limits, whom, now=clock.now().timestamp())
        return refusal(request, wait) if wait else None


def _whom(request: HttpRequest, kwargs: dict[str, Any], wanted: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if "ip" in wanted or "user" in wanted:
        found["ip"] = client_address(request)
    if "user" in wanted:
        user = request.user
        found["user"] = f"user:{user.pk}" if user.is_authenticated else f"ip:{found['ip']}"
    if "link" in wanted and "token" in kwargs:
        found["link"] = str(kwargs["token"])
    if "phone" in wanted and (typed := _typed_phone(request)):
        found["phone"] = typed
    return found


def _typed_phone(request: HttpRequest) -> str:
    """The phone or user name in the form, in one spelling. A field that the form does not have says nothing."""
    match = request.resolver_match
    name = _NAMED_IN.get(match.view_name, "phone") if match else "phone"
    typed = unicodedata.normalize("NFKC", request.POST.get(name, ""))
    digits = re.sub(r"[^0-9]", "", typed)
    return digits[-11:] if len(digits) >= 11 else typed.strip().casefold()


def refusal(request: HttpRequest, wait: float) -> HttpResponse:
    """429 with Retry-After, as the page or as plain JSON."""
    match = request.resolver_match
    log.warning("limit reached", extra={"address": match.view_name if match else ""})
    answer: HttpResponse
    if json_errors.is_for(request):
        answer = json_errors.answer(TooManyRequests())
    else:
        answer = render(request, "429.html", {"wait": math.ceil(wait)}, status=429)
    answer.headers["Retry-After"] = str(math.ceil(wait))
    return answer
