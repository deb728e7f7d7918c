"""Sessions in the database, as Django keeps them; reading one, which every page does, is a prepared read."""

from datetime import datetime
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from core.prepared import Prepared

_ONE = Prepared(
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now), key=str, now=datetime
)


class SessionStore(db.SessionStore):
    """The name is part of what Django signs sessions with: it stays."""

    def _get_session_from_db(self) -> Any:
        key = str(self.session_key)
        found = _ONE.first(key=key, now=timezone.now()) if key.isalnum() else None  # no NUL for the database
        if found is None:
            self._session_key = None
        return found
