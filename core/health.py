"""/healthz, /readyz and /metrics: for supervisors and load balancers, not for people."""

import hmac
import ipaddress
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core import clock, heartbeats, metrics, pokes

_PATIENCE_SECONDS = 0.8
_OF_PROXIES = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via")
# One thread: while the database hangs, later questions queue behind the first and are answered "away" in time.
_asker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readyz")


@dataclass(frozen=True)
class Database:
    """What /readyz found out; `silent` names the jobs that have not finished for too long."""

    verdict: str  # "ok", "away", or "migrations missing"
    silent: tuple[str, ...] = ()


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Looks at nothing else, so that a supervisor never restarts it for another's fault."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Can work be sent here? 503 without the database; 200 "degraded" without the broker or with silent jobs."""
    database, broker = _database(), _broker()
    ready = database.verdict == "ok"
    healthy = ready and broker == "ok" and not database.silent
    answer = {
        "status": "ok" if healthy else "degraded" if ready else "unavailable",
        "database": database.verdict,
        "broker": broker,
        "silent_jobs": database.silent,
    }
    return JsonResponse(answer, status=200 if ready else 503)


@require_safe
@never_cache
def metrics_view(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, for this machine itself or for who holds METRICS_TOKEN."""
    if not _may_scrape(request):
        return HttpResponse(
            "only from this machine, or with a bearer token\n", status=403, content_type="text/plain"
        )
    return HttpResponse(metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _may_scrape(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "")
    if settings.METRICS_TOKEN and given:
        return hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    # Behind a proxy on this machine every stranger seems to be local: what was forwarded is not.
    if any(name in request.headers for name in _OF_PROXIES):
        return False
    return _is_loopback(request.META.get("REMOTE_ADDR", ""))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _database() -> Database:
    wanted = _newest_migrations()
    try:
        return _asker.submit(_ask, wanted).result(timeout=_PATIENCE_SECONDS)
    except TookTooLong:
        return Database("away")


def _ask(wanted: frozenset[tuple[str, str]]) -> Database:
    """In a thread with a fresh connection: an old one that still works would not show that no new one can be had."""
    try:
        if wanted - MigrationRecorder(connection).applied_migrations().keys():
            return Database("migrations missing")
        return Database("ok", tuple(silence.job for silence in heartbeats.silent(as_of=clock.now())))
    except Exception:  # every way in which it cannot be asked is the same answer
        return Database("away")
    finally:
        connection.close()


@lru_cache(maxsize=1)
def _newest_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of each app, as the code of this process has them."""
    loader: Any = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(loader.graph.leaf_nodes())


def _broker() -> str:
    try:
        pokes.broker().ping()
    except redis.RedisError:
        return "away"
    return "ok"
