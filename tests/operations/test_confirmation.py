"""The second confirmation by code: what counts, what stays, and what it is good for."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import CodeRequest, User, VerificationCode
from accounts.services.codes import CodeExpired, WrongCode
from core.errors import HallError, TooManyRequests
from notices.models import Delivery
from operations.context import Context
from operations.models import Channel, Slip, SlipState
from operations.services import slips
from operations.services.evidence import CodeMissing, NoCodeNeeded
from tests.operations import toys
from tests.operations.codes import another, last_code
from tests.operations.toys import SealedToy, effect_happened

DATA = {"pieces": "1", "colour": "red"}
Commits = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def send(django_capture_on_commit_callbacks: Commits) -> Callable[[Context], str]:
    """Sends a code; returns what the customer is told."""

    def call(ctx: Context, data: dict[str, str] | None = None) -> str:
        with django_capture_on_commit_callbacks(execute=True):
            return slips.send_code(operation="toy.seal", ctx=ctx, raw=data or DATA)

    return call


def submit(ctx: Context, code: str, *, key: str = "key-00001", data: dict[str, str] | None = None) -> Slip:
    raw = data or DATA
    return slips.submit(
        operation="toy.seal",
        ctx=ctx,
        raw=raw,
        quote_digest=slips.quote(operation="toy.seal", ctx=ctx, raw=raw).digest,
        confirmation={"agreed": "yes", "code": code},
        idempotency_key=key,
    )


def refusal(error: type[HallError], ctx: Context, code: str, **changes: Any) -> Slip:
    with pytest.raises(error) as caught:
        submit(ctx, code, **changes)
    assert not effect_happened()
    slip = Slip.objects.get(number=caught.value.slip_number)
    assert slip.state == SlipState.REFUSED
    assert slip.confirmation == {}
    return slip


def test_the_right_code_confirms_and_leaves_evidence(ctx: Context, send: Callable[[Context], str]) -> None:
    assert send(ctx) == "139****0042"
    slip = submit(ctx, last_code(SealedToy.address))
    code = VerificationCode.objects.get()
    assert (slip.state, slip.subject_kind, slip.subject_id) == (SlipState.IN_PROGRESS, "toy", "T1")
    assert slip.finished_at is None
    assert slip.confirmation == {
        "kind": "SMS_CODE",
        "at": ctx.as_of.isoformat(),
        "ip": "192.0.2.7",
        "address": "139****0042",
        "code_id": code.pk,
        "sent_at": ctx.as_of.isoformat(),
    }
    assert code.used_at == ctx.as_of


def test_a_wrong_code_is_counted_although_the_slip_is_refused(
    ctx: Context, send: Callable[[Context], str]
) -> None:
    send(ctx)
    right = last_code(SealedToy.address)
    for guess in range(5):
        slip = refusal(WrongCode, ctx, another(right), key=f"key-{guess:05d}")
        assert slip.refusal_code == "WRONG_CODE"
        assert VerificationCode.objects.get().attempts == guess + 1
    refusal(CodeExpired, ctx, right, key="key-too-late")
    assert Slip.objects.count() == 6


def test_the_count_outlives_a_refusal_that_is_really_committed(transactional_db: None, ctx: Context) -> None:
    slips.send_code(operation="toy.seal", ctx=ctx, raw=DATA)
    refusal(WrongCode, ctx, another(last_code(SealedToy.address)))
    assert VerificationCode.objects.get().attempts == 1


def test_a_repeated_click_does_not_spend_a_second_guess(ctx: Context, send: Callable[[Context], str]) -> None:
    send(ctx)
    wrong = another(last_code(SealedToy.address))
    refusal(WrongCode, ctx, wrong)
    with pytest.raises(HallError, match="WRONG_CODE"):
        submit(ctx, wrong)
    assert VerificationCode.objects.get().attempts == 1


def test_a_code_is_good_for_its_data_its_user_and_five_minutes(
    ctx: Context, bob: User, send: Callable[[Context], str]
) -> None:
    send(ctx)
    code = last_code(SealedToy.address)
    other = DATA | {"pieces": "9"}
    refusal(CodeExpired, ctx, code, key="key-other-data", data=other)
    thief = Context(user=bob, channel=Channel.WEB, as_of=ctx.as_of)
    refusal(CodeExpired, thief, code, key="key-other-user")
    late = Context(user=ctx.user, channel=Channel.WEB, as_of=ctx.as_of + timedelta(minutes=5))
    refusal(CodeExpired, late, code, key="key-too-late-now")


def test_a_code_works_once(ctx: Context, send: Callable[[Context], str]) -> None:
    send(ctx)
    code = last_code(SealedToy.address)
    submit(ctx, code)
    toys.undo()
    refusal(CodeExpired, ctx, code, key="key-00002")


def test_the_code_must_be_given(ctx: Context) -> None:
    refusal(CodeMissing, ctx, " ")


def test_asking_too_often_sends_nothing(ctx: Context, send: Callable[[Context], str]) -> None:
    send(ctx)
    with pytest.raises(TooManyRequests):
        send(ctx)
    assert Delivery.objects.count() == 1


def test_an_address_that_is_nobodys_business_is_not_told(
    ctx: Context, send: Callable[[Context], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SealedToy, "address_is_secret", True)
    assert send(ctx) == ""
    monkeypatch.setattr(SealedToy, "address", "")
    later = Context(user=ctx.user, channel=Channel.WEB, as_of=ctx.as_of + timedelta(minutes=2))
    assert send(later) == ""
    assert CodeRequest.objects.count() == 2
    assert Delivery.objects.count() == 1
    refusal(WrongCode, later, "123456")


def test_no_code_where_none_is_needed(ctx: Context) -> None:
    with pytest.raises(NoCodeNeeded):
        slips.send_code(operation="toy.buy", ctx=ctx, raw=DATA)
    assert not CodeRequest.objects.exists()
