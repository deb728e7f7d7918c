"""How many messages a second a provider is given (NOTICES_RATES, "sms=100,email=20"; none named: no limit).

The count is kept in the broker, so that it holds over all processes: by the time at which all that was taken will have
flown off (the generic cell rate algorithm), with the broker's own clock. While the broker is away each process keeps to
a part of the rate by itself: work goes on, slower, and the provider's limit is not far exceeded.
"""

import logging
import threading
import time
from dataclasses import dataclass
from functools import lru_cache

import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from core import pokes

log = logging.getLogger(__name__)
PROCESSES = 4  # among which a rate is divided while nobody counts for all
_KEEP_MS = 60_000
_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local step, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local free = math.floor((now + burst - full) / step + 0.0001)
local given = math.max(0, math.min(wanted, free))
if given > 0 then redis.call('SET', KEYS[1], string.format('%.3f', full + given * step), 'PX', ARGV[4]) end
local wait = 0
if given == 0 then wait = full + step - burst - now end
return {given, math.ceil(wait)}
"""
_GIVE_BACK = """
local full = redis.call('GET', KEYS[1])
if full then redis.call('SET', KEYS[1], string.format('%.3f', full - ARGV[1] * ARGV[2]), 'PX', ARGV[3]) end
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """So many may be sent now; with none, in `wait` seconds there will be one."""

    count: int
    wait: float = 0.0


@lru_cache(maxsize=16)
def parse(text: str) -> dict[str, float]:
    """Messages a second by provider. Raises ImproperlyConfigured."""
    rates: dict[str, float] = {}
    for word in filter(None, (word.strip() for word in text.split(","))):
        name, _equals, number = word.partition("=")
        try:
            rates[name] = float(number)
        except ValueError:
            rates[name] = 0.0
        if not name or not 0.001 <= rates[name] <= 1_000_000:
            raise ImproperlyConfigured(f"NOTICES_RATES: {word!r} is not like sms=100")
    return rates


def take(provider: str, wanted: int) -> Grant:
    """Takes up to `wanted` of what may be sent now. What is not used goes back by `give_back`."""
    rate = parse(settings.NOTICES_RATES).get(provider)
    if rate is None:
        return Grant(wanted)
    step, burst = 1_000 / rate, max(1_000.0, 1_000 / rate)
    try:
        found = pokes.broker().eval(_TAKE, 1, _key(provider), step, burst, wanted, _KEEP_MS + int(burst))
    except redis.RedisError:
        log.warning("broker away, each process counts for itself", extra={"provider": provider})
        return _alone.take(provider, rate / PROCESSES, wanted)
    given, wait = found
    return Grant(int(given), int(wait) / 1_000)


def give_back(provider: str, count: int) -> None:
    """Returns what was taken and not used."""
    rate = parse(settings.NOTICES_RATES).get(provider)
    if rate is None or count < 1:
        return
    try:
        pokes.broker().eval(_GIVE_BACK, 1, _key(provider), count, 1_000 / rate, _KEEP_MS)
    except redis.RedisError:
        _alone.give_back(provider, rate / PROCESSES, count)


def forget(provider: str) -> None:
    """Begins anew: for tests."""
    pokes.broker().delete(_key(provider))
    _alone.full.clear()


def _key(provider: str) -> str:
    return f"notices:rate:{provider}"


class _Alone:
    """The same count within this process."""

    def __init__(self) -> None:
        self.full: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, provider: str, rate: float, wanted: int) -> Grant:
        with self._lock:
            now, step, burst = time.monotonic(), 1 / rate, max(1.0, 1 / rate)
            full = max(now, self.full.get(provider, 0.0))
            given = max(0, min(wanted, int((now + burst - full) / step + 0.0001)))
            self.full[provider] = full + given * step
            return Grant(given, 0.0 if given else full + step - burst - now)

    def give_back(self, provider: str, rate: float, count: int) -> None:
        with self._lock:
            self.full[provider] = self.full.get(provider, 0.0) - count / rate


_alone = _Alone()
