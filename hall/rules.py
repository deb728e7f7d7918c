"""What the front door decides: pure, over plain values."""

from dataclasses import dataclass
from enum import Enum


class Next(Enum):
    """The one thing that is most worth doing now."""

    BIND = "bind"
    WAIT = "wait"
    PAY = "pay"
    EMAIL_BILLS = "email_bills"
    VERIFY_CONTACT = "verify_contact"
    AUTO_DEBIT = "auto_debit"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of somebody who is logged in."""

    has_account: bool
    has_undecided_payment: bool = False  # paying again meanwhile could pay twice
    owes: bool = False
    has_email_bills: bool = False
    may_have_email_bills: bool = True
    contact_is_verified: bool = False
    may_verify_contact: bool = False
    has_auto_debit: bool = False
    may_have_auto_debit: bool = False


def next_action(facts: Facts) -> Next:
    """The first that applies, from what cannot wait to what is merely convenient."""
    steps = (
        (Next.BIND, not facts.has_account),
        (Next.WAIT, facts.owes and facts.has_undecided_payment),
        (Next.PAY, facts.owes),
        (Next.EMAIL_BILLS, facts.may_have_email_bills and not facts.has_email_bills),
        (Next.VERIFY_CONTACT, facts.may_verify_contact and not facts.contact_is_verified),
        (Next.AUTO_DEBIT, facts.may_have_auto_debit and not facts.has_auto_debit),
    )
    return next((step for step, applies in steps if applies), Next.NOTHING)
