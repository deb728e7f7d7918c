"""A printed letter and its list, as staff see them."""

from accounts.models import BillingAccount, Region
from notices.models import Delivery as Sent
from notices.models import DeliveryAttempt, LetterList, Message, Template
from tests.conftest import NOON


def everything(i: int, region: Region, account: BillingAccount) -> None:
    """A list of that region with one letter that was tried once."""
    template, _is_new = Template.objects.get_or_create(
        code="test_letter",
        channel="LETTER",
        version=1,
        defaults={"title": "〔信函〕", "body": "{{ text }}", "active_from": NOON},
    )
    message = Message.objects.create(
        code=template.code,
        recipient_ref=f"account:{account.number}",
        dedupe_key=f"letter:{account.number}",
        created_at=NOON,
    )
    listed = LetterList.objects.create(
        number=f"XJ20261118{i:06d}", region_ref=str(region.pk), created_at=NOON, created_by="user:1"
    )
    letter = Sent.objects.create(
        message=message,
        template=template,
        channel="LETTER",
        address=f"〔张{i}〕\n〔幸福路〕 No. {i}",
        body="〔请缴费〕",
        created_at=NOON,
        next_attempt_at=NOON,
    )
    Sent.objects.filter(pk=letter.pk).update(letter_list=listed, state="SENT", sent_at=NOON)
    DeliveryAttempt.objects.create(delivery=letter, number=1, at=NOON, worker="test:1", provider="post")
