"""What `submit` leaves behind, and what it does not."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from accounts.models import BillingAccount, Region, User
from core.actor import Actor
from core.errors import Forbidden, HallError, NotFound
from core.idempotency import IdempotencyConflict
from operations.context import ByClerk, Context
from operations.inputs import InvalidInput
from operations.models import SLIP_MACHINE, Channel, Slip, SlipHistory, SlipState
from operations.services import slips
from operations.services.evidence import NotConfirmed
from operations.services.records import BadIdempotencyKey
from operations.serving.sessions import NotServing
from tests.operations import toys
from tests.operations.serving import clerks
from tests.operations.toys import Toy, effect_happened

DATA = {"pieces": "2", "colour": "red"}
YES = {"agreed": "yes"}


def submit(ctx: Context, data: dict[str, Any] | None = None, **changes: Any) -> Slip:
    """Quotes and submits, unless told otherwise."""
    raw = DATA if data is None else data
    given = {"operation": "toy.buy", "confirmation": YES, "idempotency_key": "key-00001"} | changes
    if "quote_digest" not in given:
        given["quote_digest"] = slips.quote(operation=given["operation"], ctx=ctx, raw=raw).digest
    return slips.submit(ctx=ctx, raw=raw, **given)


def refused(error: type[HallError], call: Callable[[], Slip]) -> Slip:
    """The slip of a refusal; nothing else happened."""
    with pytest.raises(error) as caught:
        call()
    assert not effect_happened()
    return Slip.objects.get(number=caught.value.slip_number)


def steps(slip: Slip) -> list[tuple[str, str]]:
    return list(SlipHistory.objects.filter(slip=slip).order_by("pk").values_list("from_state", "to_state"))


def test_a_look_leaves_no_slip(ctx: Context) -> None:
    quoted = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA)
    assert quoted.quote.price_cents == 1000
    assert quoted.confirmation_needed == "CLICK"
    assert not Slip.objects.exists()


def test_done_slip_says_who_what_how_and_when(ctx: Context, account: BillingAccount) -> None:
    data = DATA | {"account": account.number, "password": "open sesame", "extras": ["bow", "card"]}
    asked = ctx.as_of - timedelta(minutes=3)
    seen = ctx.as_of - timedelta(minutes=1)
    slip = submit(ctx, data, started_at=asked, quoted_at=seen)
    slip = Slip.objects.get(pk=slip.pk)
    assert effect_happened()
    assert slip.state == SlipState.DONE
    assert slip.number.startswith("S20261118")
    assert (slip.operation, slip.operation_version, slip.channel) == ("toy.buy", 1, Channel.WEB)
    assert (slip.actor, slip.customer, slip.region) == (ctx.user, account.customer, account.region)
    assert slip.data == {
        "account": "8100000001",
        "pieces": 2,
        "colour": "red",
        "extras": ["bow", "card"],
        "wrapped": False,
    }
    assert slip.price_cents == 1000
    assert slip.quote["lines"][1] == {"label": "小计", "amount_cents": 1000, "value": ""}
    assert slip.confirmation == {"kind": "CLICK", "at": ctx.as_of.isoformat(), "ip": "192.0.2.7"}
    assert (slip.started_at, slip.quoted_at) == (asked, seen)
    assert slip.confirmed_at == slip.finished_at == ctx.as_of
    assert slip.result["text"]["zh-hans"] == "已买好"
    assert slip.result["data"] == {"pieces": 2}
    assert steps(slip) == [("", "DRAFT"), ("DRAFT", "QUOTED"), ("QUOTED", "CONFIRMED"), ("CONFIRMED", "DONE")]
    assert list(slip.history.order_by("pk").values_list("at", flat=True)) == [
        asked,
        seen,
        ctx.as_of,
        ctx.as_of,
    ]
    assert set(slip.history.values_list("actor", flat=True)) == {f"user:{ctx.user.pk}"}


def test_the_slip_holds_no_secret_anywhere(ctx: Context) -> None:
    slip = submit(ctx, DATA | {"password": "open sesame"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(s)::text FROM operations_slip s WHERE id = %s", [slip.pk])
        assert "sesame" not in cursor.fetchone()[0]


def test_a_success_takes_few_statements(ctx: Context) -> None:
    digest = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest
    with CaptureQueriesContext(connection) as queries:
        submit(ctx, quote_digest=digest)
    said = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(said) == 3  # the slip, the toy's own effect, the slip's steps with their history


def test_invalid_input_is_refused_with_fields(ctx: Context) -> None:
    slip = refused(InvalidInput, lambda: submit(ctx, {"pieces": "10", "colour": "green"}, quote_digest="x"))
    assert (slip.state, slip.refusal_code) == (SlipState.REFUSED, "INVALID_INPUT")
    assert set(slip.result["fields"]) == {"pieces", "colour"}
    assert slip.price_cents is None
    assert slip.data == {}
    assert slip.finished_at == ctx.as_of
    assert steps(slip) == [("", "DRAFT"), ("DRAFT", "REFUSED")]


def test_a_changed_quote_is_refused_and_shown(ctx: Context) -> None:
    digest = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest
    Toy.piece_cents = 600
    with pytest.raises(slips.QuoteChanged) as caught:
        submit(ctx, quote_digest=digest)
    assert not effect_happened()
    assert caught.value.quoted.quote.price_cents == 1200
    slip = Slip.objects.get()
    assert (slip.state, slip.refusal_code, slip.price_cents) == (SlipState.REFUSED, "QUOTE_CHANGED", 1200)
    assert steps(slip) == [("", "DRAFT"), ("DRAFT", "QUOTED"), ("QUOTED", "REFUSED")]


def test_no_confirmation_no_effect(ctx: Context) -> None:
    for number, given in enumerate([{}, {"agreed": ""}, {"agreed": "no"}, {"code": "123456"}]):
        slip = refused(
            NotConfirmed,
            lambda given=given, number=number: submit(  # type: ignore[misc]  # a lambda's defaults
                ctx, confirmation=given, idempotency_key=f"key-{number:05d}"
            ),
        )
        assert slip.refusal_code == "NOT_CONFIRMED"
        assert slip.confirmed_at is None


def test_a_refusal_by_the_operation_undoes_what_it_began(ctx: Context) -> None:
    Toy.left = 1
    slip = refused(toys.SoldOut, lambda: submit(ctx))
    assert (slip.refusal_code, slip.refusal_text) == ("SOLD_OUT", "只剩 1 件，不够了")
    assert slip.result["status"] == 409
    assert steps(slip)[-1] == ("CONFIRMED", "REFUSED")


def test_what_is_not_available_is_refused(ctx: Context) -> None:
    digest = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest
    Toy.closed = True
    with pytest.raises(Forbidden):
        slips.quote(operation="toy.buy", ctx=ctx, raw=DATA)
    slip = refused(Forbidden, lambda: submit(ctx, quote_digest=digest))
    assert slip.refusal_code == "FORBIDDEN"


def test_an_unknown_operation_is_not_found(ctx: Context) -> None:
    with pytest.raises(NotFound):
        submit(ctx, operation="toy.none", quote_digest="x")
    assert not Slip.objects.exists()


def test_strangers_and_locked_users_are_refused(ctx: Context, alice: User) -> None:
    digest = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest
    nobody = Context(user=AnonymousUser(), channel=Channel.API, as_of=ctx.as_of)
    assert refused(Forbidden, lambda: submit(nobody, quote_digest=digest)).actor is None
    alice.is_active = False
    alice.save(update_fields=["is_active"])
    assert refused(Forbidden, lambda: submit(ctx, quote_digest=digest)).actor == alice


def test_only_staff_with_the_right_act_for_somebody_else(
    ctx: Context, bob: User, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest
    for_bob = Context(user=alice, channel=Channel.COUNTER, as_of=ctx.as_of, on_behalf_of=bob)
    slip = refused(Forbidden, lambda: submit(for_bob, quote_digest=digest))
    assert slip.on_behalf_of == bob
    clerk = clerks.clerk(clerks.region("G", level=Region.Level.GROUP))
    for_bob = Context(user=clerk, channel=Channel.COUNTER, as_of=ctx.as_of, on_behalf_of=bob)
    refused(NotServing, lambda: submit(for_bob, quote_digest=digest, idempotency_key="key-00003"))
    monkeypatch.setattr(Toy, "by_clerk", ByClerk.AT_DESK)  # on a work page of their own, without serving him
    slip = submit(for_bob, idempotency_key="key-00002")
    assert (slip.actor, slip.on_behalf_of, slip.channel) == (clerk, bob, Channel.COUNTER)
    assert slip in Slip.objects.for_user(bob)
    assert not Slip.objects.for_user(clerk).exists()  # neither in his pages nor in the copy of his data


@pytest.mark.parametrize("where", ["quote", "perform"])
def test_a_bug_leaves_a_failed_slip_and_tells_nothing(
    ctx: Context, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    digest = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest
    Toy.broken_in = where
    slip = refused(slips.Unexpected, lambda: submit(ctx, quote_digest=digest))
    assert (slip.state, slip.refusal_code) == (SlipState.FAILED, "ERROR")
    assert "secret" not in slip.refusal_text + str(slip.result)
    assert "a secret of the inside" in caplog.text  # in the log, for us
    assert any(getattr(record, "slip", "") == slip.number for record in caplog.records)
    Toy.broken_in = ""
    with pytest.raises(HallError) as again:  # the same key is answered as before, also once the bug is mended
        submit(ctx, quote_digest=digest)
    assert (again.value.code, again.value.slip_number) == ("ERROR", slip.number)
    assert not effect_happened()


def test_a_failure_that_leaves_not_even_a_slip_is_told_the_same_way(
    ctx: Context, caplog: pytest.LogCaptureFixture
) -> None:
    digest = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest
    with connection.cursor() as cursor:
        cursor.execute("ALTER SEQUENCE slip_number RENAME TO slip_number_gone")
    with pytest.raises(slips.Unexpected) as caught:
        submit(ctx, quote_digest=digest)
    assert caught.value.slip_number == ""
    assert "no slip could be written" in caplog.text
    assert not effect_happened()
    assert not Slip.objects.exists()


def test_the_same_request_again_is_the_same_slip(ctx: Context) -> None:
    digest = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest
    first = submit(ctx, quote_digest=digest)
    assert submit(ctx, quote_digest=digest) == first
    assert Slip.objects.count() == 1
    assert SlipHistory.objects.count() == 4


def test_the_same_refusal_again(ctx: Context) -> None:
    Toy.left = 1
    slip = refused(toys.SoldOut, lambda: submit(ctx))
    Toy.left = 9
    with pytest.raises(HallError) as again:
        submit(ctx)
    assert (again.value.code, again.value.status, again.value.slip_number) == ("SOLD_OUT", 409, slip.number)
    assert again.value.text == "只剩 1 件，不够了"
    assert not effect_happened()
    assert Slip.objects.count() == 1


def test_the_same_invalid_input_again_names_the_same_fields(ctx: Context) -> None:
    bad = {"pieces": "0", "colour": "red"}
    refused(InvalidInput, lambda: submit(ctx, bad, quote_digest="x"))
    with pytest.raises(HallError) as again:
        submit(ctx, bad, quote_digest="x")
    assert again.value.code == "INVALID_INPUT"
    assert set(getattr(again.value, "fields", {})) == {"pieces"}


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"pieces": "3", "colour": "red"}},
        {"quote_digest": "another"},
        {"confirmation": {"agreed": "yes", "code": "1"}},
    ],
)
def test_the_same_key_with_another_input_is_a_conflict(ctx: Context, changes: dict[str, Any]) -> None:
    digest = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest
    first = submit(ctx, quote_digest=digest)
    with pytest.raises(IdempotencyConflict) as caught:
        submit(ctx, **({"quote_digest": digest} | changes))
    assert caught.value.slip_number == first.number
    assert Slip.objects.count() == 1


def test_a_key_belongs_to_one_user_and_one_operation(ctx: Context, bob: User) -> None:
    Toy.left = 1
    refused(toys.SoldOut, lambda: submit(ctx))
    other = Context(user=bob, channel=Channel.WEB, as_of=ctx.as_of)
    refused(toys.SoldOut, lambda: submit(other))
    refused(HallError, lambda: submit(ctx, operation="toy.seal"))
    assert Slip.objects.count() == 3


@pytest.mark.parametrize("key", ["", "short", "x" * 81, "键键键键键键键键", "with a space", "line\nbreaks"])
def test_a_key_must_be_usable(ctx: Context, key: str) -> None:
    with pytest.raises(BadIdempotencyKey):
        submit(ctx, idempotency_key=key)
    assert not Slip.objects.exists()
    assert not effect_happened()


def test_submit_runs_in_no_transaction_but_its_own(transactional_db: None, ctx: Context) -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        submit(ctx)
    assert not Slip.objects.exists()
    assert not effect_happened()


def test_an_english_reader_confirms_the_same_quote(ctx: Context) -> None:
    digest = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest
    with translation.override("en"):
        slip = submit(ctx, quote_digest=digest)
        assert slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest == digest
    assert slip.quote["lines"][1]["label"] == "小计"
    assert "shown" in slip.quote
    assert set(slip.result["text"]) == {"zh-hans", "en"}


@pytest.fixture
def under_way(ctx: Context) -> Slip:
    """A slip whose subject takes a while."""
    waiting = Slip(
        number="S1",
        operation="toy.seal",
        operation_version=1,
        channel=Channel.WEB,
        actor_id=ctx.user.pk,
        idempotency_key="key-under-way",
        input_hash="x",
        started_at=ctx.as_of,
    )
    waiting.save()
    for state in (SlipState.QUOTED, SlipState.CONFIRMED):
        Slip.objects.filter(pk=waiting.pk).update(state=state)
    Slip.objects.filter(pk=waiting.pk).update(
        state=SlipState.IN_PROGRESS, subject_kind="toy", subject_id="T1", result={"url": "/toys/T1/"}
    )
    return waiting


def finish(state: SlipState, as_of: datetime, **changes: Any) -> bool:
    given = {"subject_kind": "toy", "subject_id": "T1", "reason": "made", "result": None} | changes
    return slips.finish(state=state, as_of=as_of, actor=Actor("job:toys"), **given)


def test_finish_ends_the_slip_once(under_way: Slip, as_of: datetime) -> None:
    later = as_of + timedelta(hours=1)
    with CaptureQueriesContext(connection) as queries:
        assert finish(SlipState.DONE, later, result={"text": "做好了"})
    assert len(queries) == 1
    under_way.refresh_from_db()
    assert (under_way.state, under_way.finished_at) == (SlipState.DONE, later)
    assert under_way.result == {"url": "/toys/T1/", "text": {"zh-hans": "做好了", "en": "做好了"}}
    assert list(under_way.history.values_list("from_state", "to_state", "actor", "reason")) == [
        ("IN_PROGRESS", "DONE", "job:toys", "made")
    ]
    assert not finish(SlipState.FAILED, later)
    assert not finish(SlipState.DONE, later)
    under_way.refresh_from_db()
    assert under_way.state == SlipState.DONE
    assert under_way.history.count() == 1


def test_finish_touches_no_other_subject(under_way: Slip, as_of: datetime) -> None:
    assert not finish(SlipState.DONE, as_of, subject_id="T2")
    assert not finish(SlipState.DONE, as_of, subject_kind="payment")
    under_way.refresh_from_db()
    assert under_way.state == SlipState.IN_PROGRESS


@pytest.mark.parametrize("state", [SlipState.REFUSED, SlipState.QUOTED, SlipState.IN_PROGRESS])
def test_finish_knows_only_ends(under_way: Slip, as_of: datetime, state: SlipState) -> None:
    with pytest.raises(ValueError, match="does not end"):
        finish(state, as_of)


@pytest.mark.parametrize("to", list(SlipState))
def test_no_end_is_left_again(ctx: Context, to: SlipState) -> None:
    slip = submit(ctx)
    if to == slip.state:
        return
    with pytest.raises(IntegrityError), transaction.atomic():
        Slip.objects.filter(pk=slip.pk).update(state=to)
    assert not SLIP_MACHINE.allows(SlipState.DONE, to)
