"""The open interface: the same operations, refusals and slips, as JSON."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from accounts.models import BillingAccount, User
from operations.context import Context
from operations.models import Channel, Slip, SlipState
from operations.services import slips
from tests.api import build
from tests.api.build import error_of, token_of
from tests.operations import toys
from tests.operations.codes import last_code
from tests.operations.toys import SealedToy, Toy, effect_happened

DATA = {"pieces": 2, "colour": "red"}
Commits = Callable[..., AbstractContextManager[Any]]


class Api(build.Api):
    """A client that speaks JSON with a token, about the toys."""

    def quote(self, data: Any = None, code: str = "toy.buy") -> Any:
        return self.post(f"/api/operations/{code}/quote/", {"data": DATA if data is None else data})

    def submit(
        self, data: Any = None, *, key: str = "key-00001", code: str = "toy.buy", **changes: Any
    ) -> Any:
        body = {"data": DATA if data is None else data, "confirmation": {"agreed": "yes"}} | changes
        if "quote_digest" not in body:
            body["quote_digest"] = self.quote(data, code).json()["quote_digest"]
        return self.post(f"/api/operations/{code}/submit/", body, **{"Idempotency-Key": key})


@pytest.fixture
def api(alice: User, noon: datetime) -> Api:
    return Api(token_of(alice))


def test_operations_are_described_by_their_forms(api: Api, account: BillingAccount) -> None:
    answer = api.get("/api/operations/")
    found = {operation["code"]: operation for operation in answer.json()}
    assert list(found).index("toy.buy") < list(found).index("toy.seal")
    toy = found["toy.buy"]
    assert (toy["version"], toy["confirmation"], toy["summary"]) == (1, "CLICK", "买一件玩具")
    fields = {field["name"]: field for field in toy["fields"]}
    assert fields["pieces"] == {
        "name": "pieces",
        "type": "integer",
        "label": "件数",
        "help_text": "",
        "required": True,
        "max_length": None,
        "initial": None,
        "choices": None,
    }
    assert fields["account"]["choices"] == [{"value": "8100000001", "label": "8100000001"}]
    assert fields["colour"]["choices"][1] == {"value": "blue", "label": "蓝"}
    assert (fields["extras"]["type"], fields["wrapped"]["type"]) == ("choices", "boolean")
    assert (fields["password"]["type"], fields["password"]["max_length"]) == ("text", 20)
    Toy.closed = True
    assert "toy.buy" not in {operation["code"] for operation in api.get("/api/operations/").json()}


def test_quote_submit_slip(api: Api, account: BillingAccount) -> None:
    data = DATA | {"account": account.number, "wrapped": True, "extras": ["bow"], "password": "open sesame"}
    quoted = api.quote(data).json()
    assert quoted["quote"]["price_cents"] == 1000
    assert quoted["quote"]["effective_on"] == "2026-11-18"
    assert quoted["quote"]["warnings"] == ["售出不退"]
    assert quoted["confirmation"] == "CLICK"
    assert quoted["data"]["wrapped"] is True
    assert "password" not in quoted["data"]
    assert not Slip.objects.exists()
    answer = api.submit(data, quote_digest=quoted["quote_digest"], trace=quoted["trace"])
    assert answer.status_code == 201
    slip = Slip.objects.get()
    told = answer.json()
    assert (told["number"], told["state"], told["channel"]) == (slip.number, "DONE", "API")
    assert told["result"] == {"text": "已买好", "url": "", "data": {"pieces": 2}}
    assert told["refusal"] is None
    assert told["subject"] is None
    assert "sesame" not in answer.content.decode()
    assert slip.channel == Channel.API
    assert api.get(f"/api/requests/{slip.number}/").json() == told
    assert api.get("/api/requests/").json()["results"] == [told]
    assert effect_happened()


def test_numbers_and_text_are_the_same_request(api: Api) -> None:
    first = api.submit()
    again = api.submit({"pieces": "2", "colour": "red"})
    assert again.json()["number"] == first.json()["number"]
    assert Slip.objects.count() == 1


def test_a_key_is_required_and_kept(api: Api) -> None:
    assert error_of(api.submit(key="")) == (400, "BAD_IDEMPOTENCY_KEY")
    first = api.submit()
    assert error_of(api.submit({"pieces": 3, "colour": "red"})) == (409, "IDEMPOTENCY_CONFLICT")
    assert api.submit().json()["number"] == first.json()["number"]


def test_refusals_have_a_code_a_sentence_fields_and_the_slip(api: Api) -> None:
    answer = api.submit({"pieces": 99, "colour": "green"}, quote_digest="x")
    assert error_of(answer) == (422, "INVALID_INPUT")
    error = answer.json()
    assert set(error["fields"]) == {"pieces", "colour"}
    assert error["slip_number"] == Slip.objects.get().number
    shown = api.get(f"/api/requests/{error['slip_number']}/").json()
    assert shown["refusal"] == {"code": "INVALID_INPUT", "message": error["message"]}
    assert not effect_happened()


def test_a_changed_quote_comes_with_the_new_one(api: Api) -> None:
    digest = api.quote().json()["quote_digest"]
    Toy.piece_cents = 600
    answer = api.submit(quote_digest=digest)
    assert error_of(answer) == (409, "QUOTE_CHANGED")
    new = answer.json()["quote"]
    assert new["price_cents"] == 1200
    assert not effect_happened()
    assert api.submit(quote_digest=new["digest"], key="key-00002").status_code == 201


def test_codes_are_sent_over_the_interface_too(api: Api, django_capture_on_commit_callbacks: Commits) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = api.post("/api/operations/toy.seal/code/", {"data": DATA})
    assert answer.json() == {"sent_to": "139****0042"}
    confirmation = {"agreed": "yes", "code": last_code(SealedToy.address)}
    told = api.submit(code="toy.seal", confirmation=confirmation).json()
    assert told["state"] == "IN_PROGRESS"
    assert told["subject"] == {"kind": "toy", "id": "T1"}
    assert error_of(api.post("/api/operations/toy.buy/code/", {"data": DATA})) == (409, "NO_CODE_NEEDED")
    assert error_of(api.post("/api/operations/toy.seal/code/", {"data": DATA})) == (429, "TOO_MANY_CODES")


def test_a_bug_is_an_error_without_insides(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    digest = api.quote().json()["quote_digest"]
    Toy.broken_in = "perform"
    answer = api.submit(quote_digest=digest)
    assert error_of(answer) == (500, "ERROR")
    assert "secret" not in answer.content.decode()
    assert Slip.objects.get().state == SlipState.FAILED
    Toy.broken_in = "quote"
    answer = api.quote()
    assert error_of(answer) == (500, "ERROR")
    assert "secret" not in answer.content.decode()


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        '"text"',
        "null",
        "{}",
        '{"data": 1}',
        '{"data": []}',
        '{"data": null}',
        '{"data": {"pieces": NaN}}',
        '{"data": {"pieces": {"a": 1}}}',
        '{"data": {"pieces": [1, 2]}}',
        '{"data": {"pieces": 1e400, "colour": "red"}}',
        '{"data": {"pieces": 1.5, "colour": "red"}}',
        '{"data": {"pieces": true, "colour": "red"}}',
        '{"data": {"pieces": 1, "colour": "red", "password": "\\u0000"}}',
        '{"data": {"pieces": 1, "colour": "red", "account": "8100000099"}}',
        '{"data": {"pieces": 1, "colour": "red", "account": {"a": []}}}',
        '{"data": {"pieces": 1, "colour": "\\ud800"}}',
        "[" * 5000,
    ],
)
def test_odd_bodies_are_refused_politely(api: Api, body: str) -> None:
    answer = api.post("/api/operations/toy.buy/quote/", body)
    status, code = error_of(answer)
    assert (status, code) in {(400, "BAD_JSON"), (400, "INVALID_INPUT"), (422, "INVALID_INPUT")}
    assert not Slip.objects.exists()


def test_a_body_of_megabytes_is_refused(api: Api) -> None:
    answer = api.quote({"pieces": 1, "colour": "x" * 1_100_000})
    assert error_of(answer) == (400, "BAD_JSON")


def test_other_content_types_are_refused(api: Api) -> None:
    answer = api.client.post("/api/operations/toy.buy/quote/", {"data": "x"}, headers=api.headers)
    assert error_of(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_unknown_addresses_and_methods(api: Api) -> None:
    assert error_of(api.get("/api/none/")) == (404, "NOT_FOUND")
    assert error_of(api.quote(code="toy.none")) == (404, "NOT_FOUND")
    assert error_of(api.get("/api/operations/toy.buy/quote/")) == (405, "METHOD_NOT_ALLOWED")
    assert error_of(api.get("/api/requests/?cursor=99")) == (404, "NOT_FOUND")


def test_the_language_is_the_readers(api: Api) -> None:
    chinese = api.get("/api/requests/S0/").json()["message"]
    english = api.get("/api/requests/S0/", **{"Accept-Language": "en"}).json()["message"]
    assert chinese == "没有找到，请核对后再试"
    assert english  # the translation itself is looked at with the catalogue
    assert api.quote().json()["quote_digest"] == Api.post(
        api, "/api/operations/toy.buy/quote/", {"data": DATA}, **{"Accept-Language": "en"}
    ).json()["quote_digest"]  # fmt: skip


def test_strangers_are_told_to_authenticate(db: None, noon: datetime) -> None:
    for token in ("", "hall_wrong", "hall_" + "0" * 64):
        answer = Api(token).get("/api/operations/")
        assert error_of(answer) == (401, "NOT_AUTHENTICATED")
        assert answer["WWW-Authenticate"] == "Bearer"


def test_a_token_of_odd_bytes_is_wrong(db: None) -> None:
    answer = Client().get("/api/operations/", HTTP_AUTHORIZATION=b"Bearer \xff\xfe".decode("latin-1"))
    assert error_of(answer) == (401, "NOT_AUTHENTICATED")


def test_bob_gets_404_on_alices_slip(api: Api, bob: User) -> None:
    number = api.submit().json()["number"]
    bobs = Api(token_of(bob))
    assert error_of(bobs.get(f"/api/requests/{number}/")) == (404, "NOT_FOUND")
    assert bobs.get("/api/requests/").json()["results"] == []
    assert Slip.objects.get().actor.username == "alice"  # type: ignore[union-attr]  # it has an actor


def test_bob_cannot_name_alices_account(api: Api, bob: User, account: BillingAccount) -> None:
    answer = Api(token_of(bob)).quote(DATA | {"account": account.number})
    assert error_of(answer) == (422, "INVALID_INPUT")
    assert set(answer.json()["fields"]) == {"account"}


def test_lists_are_paged_and_cheap(api: Api, alice: User, noon: datetime) -> None:
    for number in range(25):
        toys.undo()
        ctx = Context(user=alice, channel=Channel.API, as_of=noon + timedelta(seconds=number))
        digest = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest
        slips.submit(
            operation="toy.buy",
            ctx=ctx,
            raw=DATA,
            quote_digest=digest,
            confirmation={"agreed": "yes"},
            idempotency_key=f"key-{number:05d}",
        )
    with CaptureQueriesContext(connection) as queries:
        page = api.get("/api/requests/").json()
    assert len(queries) <= 9
    assert len(page["results"]) == 20
    assert page["previous"] is None
    assert page["results"][0]["started_at"] > page["results"][1]["started_at"]
    rest = api.get(page["next"]).json()
    assert (len(rest["results"]), rest["next"]) == (5, None)
    assert len(api.get("/api/requests/?page_size=100").json()["results"]) == 25
    assert error_of(api.get("/api/requests/?page_size=1000")) == (400, "INVALID_INPUT")


def _web(user: User, **options: Any) -> Client:
    web = Client(**options)
    web.force_login(user)
    return web


def test_a_session_needs_the_csrf_token(alice: User) -> None:
    strict = _web(alice, enforce_csrf_checks=True)
    answer = strict.post("/api/operations/toy.buy/quote/", {"data": DATA}, content_type="application/json")
    assert error_of(answer) == (403, "FORBIDDEN")
    loose = _web(alice)
    assert loose.post("/api/operations/toy.buy/quote/", {"data": DATA}, content_type="application/json").json()[
        "quote"
    ]["price_cents"] == 1000  # fmt: skip


def test_too_many_requests_are_told_so(api: Api, settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"api": "1/m/user"}
    api.get("/api/requests/")
    refused = api.get("/api/requests/")
    assert error_of(refused) == (429, "TOO_MANY_REQUESTS")
    assert 50 <= int(refused["Retry-After"]) <= 60


def test_the_schema_is_complete_and_valid() -> None:
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    assert not GENERATOR_STATS._warn_cache
    assert not GENERATOR_STATS._error_cache
    validate_schema(schema)  # type: ignore[no-untyped-call]
    assert set(schema["paths"]) >= {
        "/api/operations/",
        "/api/operations/{code}/quote/",
        "/api/operations/{code}/code/",
        "/api/operations/{code}/submit/",
        "/api/requests/",
        "/api/requests/{number}/",
        "/api/accounts/",
        "/api/bills/",
        "/api/bills/{number}/",
        "/api/receipts/",
        "/api/receipts/{number}/",
        "/api/payments/",
        "/api/payments/{reference}/",
        "/api/messages/",
    }
    submit = schema["paths"]["/api/operations/{code}/submit/"]["post"]
    key = next(each for each in submit["parameters"] if each["name"] == "Idempotency-Key")
    assert (key["in"], key["required"]) == ("header", True)


def test_the_description_is_of_3_1_in_the_readers_language(client: Client, db: None) -> None:
    chinese = client.get("/api/schema/")
    assert chinese["Content-Type"].startswith("application/vnd.oai.openapi+json")
    assert chinese.json()["openapi"] == "3.1.0"
    assert client.get("/api/schema/", headers={"Accept-Language": "en"}).status_code == 200


def test_the_docs_page_is_one_of_ours(client: Client, db: None) -> None:
    page = client.get("/api/docs/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "unsafe" not in page["Content-Security-Policy"]
    assert "/api/operations/{code}/submit/" in text
    assert "Idempotency-Key" in text
    assert "<style" not in text
