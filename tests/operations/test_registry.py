from datetime import date

import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core.errors import NotFound
from operations import registry
from operations.context import Context
from operations.quotes import Quote, QuoteLine
from tests.accounts import build
from tests.operations import toys


def test_the_same_code_twice_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"toy\.buy"):
        registry.register(toys.Toy)


@pytest.mark.parametrize("code", ["toy", "Toy.buy", "toy.", "toy/buy", "toy.buy now", ""])
def test_a_code_is_noun_dot_verb(code: str) -> None:
    class Bad(toys.Toy):
        pass

    Bad.code = code
    with pytest.raises(ValueError, match="noun.verb"):
        registry.register(Bad)


def test_an_instance_can_be_registered_as_well_as_a_class() -> None:
    class Other(toys.Toy):
        code = "toy.other"

    other = registry.register(Other())
    try:
        assert registry.get("toy.other") is other
    finally:
        registry.unregister("toy.other")


def test_unknown_code_is_not_found() -> None:
    with pytest.raises(NotFound):
        registry.get("toy.none")
    assert registry.find("toy.none") is None


def test_listing_is_ordered_and_leaves_out_what_is_not_available(ctx: Context) -> None:
    codes = [operation.code for operation in registry.everything()]
    assert codes.index("toy.buy") < codes.index("toy.seal")
    assert [operation.order for operation in registry.everything()] == sorted(
        operation.order for operation in registry.everything()
    )
    toys.Toy.closed = True
    assert not {"toy.buy", "toy.seal"} & {operation.code for operation in registry.available(ctx)}


def _quote(**changes: object) -> Quote:
    values: dict[str, object] = {
        "price_cents": 500,
        "effective_on": date(2026, 11, 18),
        "lines": (QuoteLine(_("首页"), 500),),
        "warnings": (_("登录"),),
        "outcome": _("账单"),
    }
    return Quote(**(values | changes))  # type: ignore[arg-type]  # the test names fields of Quote


@pytest.mark.parametrize(
    "changes",
    [
        {"price_cents": 501},
        {"effective_on": date(2026, 11, 19)},
        {"lines": ()},
        {"lines": (QuoteLine("首页", 501),)},
        {"warnings": ()},
        {"outcome": "别的"},
    ],
)
def test_every_promise_is_in_the_digest(changes: dict[str, object]) -> None:
    assert _quote(**changes).digest != _quote().digest


def test_the_digest_is_the_same_in_every_language() -> None:
    before = _quote().digest
    with translation.override("en"):
        assert _quote().digest == before


@pytest.mark.django_db
def test_page_and_interface_offer_the_same_by_the_same_names_in_the_same_order(client: Client) -> None:
    wang = build.user()
    build.bind(wang, build.account())
    client.force_login(wang)
    page = client.get("/operations/").content.decode().partition("<main")[2]
    offered = client.get("/api/operations/").json()
    assert len(offered) > 10
    places = [page.find(each["title"]) for each in offered]
    assert -1 not in places
    assert places == sorted(places)
