"""Every FOR UPDATE of this room. Order everywhere: billing account, then what hangs on it."""

from collections.abc import Iterable

from django.db import connection
from django.db.models import Q

from accounts.models import BillingAccount, Customer, User, VerificationCode
from core import rows
from core.errors import NotFound
from core.prepared import Prepared


def account(account_id: int) -> BillingAccount:
    """The billing account, locked until the transaction ends: the root lock of its money; raises NotFound."""
    found = rows.of(BillingAccount, _ACCOUNT, [account_id])
    if not found:
        raise NotFound()
    return found[0]


_ACCOUNT = "SELECT * FROM accounts_billingaccount WHERE id = %s FOR UPDATE"


def hold(account_id: int) -> None:
    """The same lock for those who need nothing of the account; raises NotFound."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM accounts_billingaccount WHERE id = %s FOR UPDATE", [account_id])
        if cursor.fetchone() is None:
            raise NotFound()


def accounts(numbers: Iterable[str]) -> dict[str, int]:
    """The ids of those accounts that exist, by number; all locked, in the order of their ids."""
    sql = (
        "SELECT number, id FROM accounts_billingaccount WHERE number = ANY(%s::text[]) ORDER BY id FOR UPDATE"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(numbers)])
        return dict(cursor.fetchall())


def customer(customer_id: int) -> Customer:
    """The customer, locked until the transaction ends: the root lock of how he stands. Raises NotFound."""
    try:
        return Customer.objects.select_for_update().get(pk=customer_id)
    except Customer.DoesNotExist:
        raise NotFound() from None


def user(user_id: int) -> User:
    """The user, locked until the transaction ends: the root lock of what he says about his data. Raises NotFound."""
    try:
        return User.objects.select_for_update().get(pk=user_id)
    except User.DoesNotExist:
        raise NotFound() from None


def claimants(*, phone: str, user_id: int) -> list[User]:
    """This user and whoever else claims or owns the phone, locked in one order for all."""
    users = User.objects.select_for_update().filter(Q(phone=phone) | Q(pk=user_id))
    return list(users.order_by("pk"))


def newest_code(*, purpose: str, subject: str) -> VerificationCode | None:
    """The latest code that was issued for this, locked; earlier ones are worth nothing."""
    return _NEWEST_CODE.first(purpose=purpose, subject=subject)


_NEWEST_CODE = Prepared(
    lambda purpose, subject: (
        VerificationCode.objects.select_for_update()
        .filter(purpose=purpose, subject=subject)
        .order_by("-created_at", "-pk")[:1]
    ),
    purpose=str,
    subject=str,
)


def code_requests(*names: str) -> None:
    """Requests for codes that share one of these names wait for each other until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(key) FROM"
            " (SELECT DISTINCT hashtextextended('code:' || name, 0) AS key FROM unnest(%s::text[]) AS name"
            "  ORDER BY key) AS keys",
            [list(names)],
        )
