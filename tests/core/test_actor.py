from accounts.models import User
from core.actor import Actor


def test_a_reference_is_stable_and_names_nobody() -> None:
    assert Actor.user(User(pk=17, name="王小明", phone="+8613800000001")).ref == "user:17"
    assert Actor.gateway("alipay").ref == "gateway:alipay"
    assert Actor.job("close_expired").ref == "job:close_expired"
    assert Actor.command("import_bills").ref == "command:import_bills"


def test_actors_are_compared_by_what_they_are() -> None:
    assert Actor.job("a") == Actor("job:a")
    assert len({Actor.job("a"), Actor("job:a"), Actor.job("b")}) == 2
