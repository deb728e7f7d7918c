import pytest

from hall.rules import Facts, Next, next_action

ALL_DONE = {"has_email_bills": True, "contact_is_verified": True, "has_auto_debit": True}


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (Facts(has_account=False, owes=True), Next.BIND),
        (Facts(has_account=True, owes=True, has_undecided_payment=True), Next.WAIT),
        (Facts(has_account=True, owes=True), Next.PAY),
        (Facts(has_account=True, has_undecided_payment=True), Next.EMAIL_BILLS),
        (Facts(has_account=True), Next.EMAIL_BILLS),
        (Facts(has_account=True, may_have_email_bills=False, may_verify_contact=True), Next.VERIFY_CONTACT),
        (Facts(has_account=True, has_email_bills=True, may_have_auto_debit=True), Next.AUTO_DEBIT),
        (Facts(has_account=True, has_email_bills=True), Next.NOTHING),  # nothing that is not offered
        (
            Facts(has_account=True, may_verify_contact=True, may_have_auto_debit=True, **ALL_DONE),
            Next.NOTHING,
        ),
    ],
)
def test_the_first_thing_that_applies(facts: Facts, wanted: Next) -> None:
    assert next_action(facts) is wanted
