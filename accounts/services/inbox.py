"""What a user has read of what he was told."""

from datetime import datetime

from django.db import connection

from accounts.models import User
from accounts.selectors import inbox

# A message whose transaction ends after that of one with a higher number counts as read with it: it is still listed.
_MARK = """
    INSERT INTO notices_inboxmark AS kept (reader_ref, up_to, at) VALUES (%s, %s, %s)
    ON CONFLICT (reader_ref) DO UPDATE SET up_to = excluded.up_to, at = excluded.at WHERE kept.up_to < excluded.up_to"""


def read(*, user: User, up_to: int, as_of: datetime) -> None:
    """What he was told up to that message is read; never takes it back, and never runs ahead of what there is."""
    newest = (
        inbox.of(user).messages.filter(pk__lte=up_to).order_by("-pk").values_list("pk", flat=True).first()
    )
    if newest is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(_MARK, [inbox.reader(user), newest, as_of])
