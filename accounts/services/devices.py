"""Where a user is logged in: browsers (sessions) and the programs that hold his tokens; and news of a new browser."""

import re
from datetime import datetime, timedelta
from importlib import import_module

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils import formats, timezone, translation
from django.utils.crypto import salted_hmac

from accounts.models import User
from accounts.services import users
from core.errors import NotFound
from notices.models import Channel
from notices.services import messages

KNOWN_FOR = timedelta(days=365)  # a browser that was here before
COOKIE = "hall_device"
_SALT = "accounts.device"
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "macOS"),
    ("Linux", "Linux"),
)
_BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("AlipayClient", "Alipay"),
    ("EdgA?/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/|FxiOS/", "Firefox"),
    ("Chrome/|CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)


def describe(user_agent: str) -> str:
    """Windows · Chrome, as far as the browser says what it is; "" when it says nothing we know."""
    found = (_first(_SYSTEMS, user_agent), _first(_BROWSERS, user_agent))
    return " · ".join(name for name in found if name)


def reference(session: UserSession) -> str:
    """What a page calls a session by: the key itself would let its reader in."""
    return salted_hmac("accounts.session", session.session_key, algorithm="sha256").hexdigest()[:24]


def of_user(user_id: int) -> list[UserSession]:
    """The sessions that are still good, the latest first."""
    found: list[UserSession] = UserSession.objects.purge_and_list(User(pk=user_id))
    return sorted(found, key=lambda session: session.created_at, reverse=True)


def end_one(*, user_id: int, wanted: str, current_key: str) -> None:
    """Ends one of the user's other sessions. Raises NotFound for a stranger's, and for the one that asks."""
    for session in UserSession.objects.filter(user_id=user_id).exclude(session_key=current_key):
        if reference(session) == wanted:
            _end([session])
            return
    raise NotFound()


def end_others(*, user_id: int, current_key: str) -> int:
    """Ends all sessions of the user but the one that asks, and his tokens; how many sessions."""
    others = list(UserSession.objects.filter(user_id=user_id).exclude(session_key=current_key))
    _end(others)
    users.end_tokens(user_id=user_id)
    return len(others)


def end_all(*, user_id: int) -> int:
    """The user is logged in nowhere any more, and no token of his is good; how many sessions ended."""
    return end_others(user_id=user_id, current_key="")


def mark(user: User) -> str:
    """What a browser keeps to be known again as one in which this user has logged in."""
    return signing.dumps(user.pk, salt=_SALT)


def knows(user: User, mark: str) -> bool:
    """Whether the browser's mark says that this user logged in there within a year."""
    try:
        return bool(signing.loads(mark, salt=_SALT, max_age=KNOWN_FOR) == user.pk)
    except signing.BadSignature:
        return False


def tell_of_new(user: User, *, user_agent: str, as_of: datetime) -> None:
    """A message to the user's phone, once an hour at most: he logged in from where he never had."""
    if not user.proven_phone:
        return
    with translation.override(user.language):
        shown = formats.date_format(timezone.localtime(as_of), "SHORT_DATETIME_FORMAT")
    messages.send(
        code="new_device",
        recipient_ref=f"user:{user.pk}",
        addresses=[messages.Address(Channel.SMS, user.proven_phone)],
        context={"at": shown, "device": describe(user_agent) or "-", "help_line": settings.HELP_LINE},
        dedupe_key=f"new_device:{user.pk}:{as_of:%Y-%m-%dT%H}",
        as_of=as_of,
        language=user.language,
    )


@transaction.atomic
def _end(sessions: list[UserSession]) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    for session in sessions:
        store.delete(session.session_key)
    UserSession.objects.filter(pk__in=[session.pk for session in sessions]).delete()


def _first(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for pattern, name in known if re.search(pattern, text)), "")
