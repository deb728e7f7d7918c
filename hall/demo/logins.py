"""How to get in: the demo's customers by code, its member of staff by a password that this machine alone knows."""

import os
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password

from accounts.models import User
from hall.demo import plan, staff

STAFF = "staff"


def password_file() -> Path:
    """Where the password of the demo's member of staff is kept, readable by this machine's user only."""
    return Path(os.environ.get("HALL_DATA_DIR") or settings.BASE_DIR / ".hall") / "demo-logins.txt"


def ensure_staff(*, as_of: datetime) -> None:
    """`staff`, who may do everything, and one for each role: all with the password in the file.

    It is made here, unless HALL_DEMO_STAFF_PASSWORD says another.
    """
    password = os.environ.get("HALL_DEMO_STAFF_PASSWORD") or _stored() or secrets.token_urlsafe(12)
    if password != _stored():
        _store(password)
    known = User.objects.filter(username=STAFF).first()
    if known is None:
        known = User.objects.create_superuser(username=STAFF, password=password, name="演示员工")
    elif not known.check_password(password):
        known.password = make_password(password)
        known.save(update_fields=["password"])
    staff.give_second_factor(known)
    staff.everything(password=password, as_of=as_of)


def lines() -> Iterator[str]:
    """What to tell somebody who wants to try the hall."""
    newcomer = next(home for home in plan.households() if home.phone == plan.NEWCOMER)
    yield "Demo logins: choose the text message code and enter the phone number."
    if settings.SANDBOX_URL:
        yield f"  The codes appear at {settings.SANDBOX_URL}/sms/"
    yield f"  {plan.CUSTOMER[3:]}   two accounts: one owes two months, one is paid in part"
    yield f"  {plan.STRANGER[3:]}   another customer, with an account of his own"
    yield f"  {plan.NEWCOMER[3:]}   nothing bound yet; may bind account {newcomer.number}"
    yield f"  Staff: {settings.BASE_URL}/admin/   user {STAFF}   password {_stored() or '(run demo_data first)'}"
    yield f"    then a six-digit code: script/manage totp {STAFF} tells it (good for a minute)"
    yield "    the same password and command for one user of each role:"
    for member in staff.MEMBERS:
        yield f"      {member.username:<11} {member.told}"


def _stored() -> str:
    try:
        return password_file().read_text(encoding="utf-8").strip().rpartition(" ")[2]
    except FileNotFoundError:
        return ""


def _store(password: str) -> None:
    path = password_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # a new file gets the mode below, an old one would keep its own
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{STAFF} {password}\n")
