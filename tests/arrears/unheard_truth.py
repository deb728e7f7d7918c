"""What must have been true of whoever was suspended or cut, by what the story did and not by the rules of the room."""

from arrears.models import Exemption, PlanState, Promise, StageChange, Warrant
from billing.models import Dispute, Payment, PaymentState
from catalog.models import Termination
from core.clock import local_date
from notices.models import Delivery
from tests.arrears.unheard_world import DAY, World


def check_suspension(world: World, row: StageChange) -> None:
    """Whoever was suspended today had been told on every phone a week before."""
    assert row.on == world.today
    for address in world.live_addresses():
        assert _was_sent("suspension_ahead", address, row), address


def check_cut(world: World) -> None:
    """Whoever was cut today had been off for more than 60 days, was late, and had heard of it on every phone."""
    end = Termination.objects.get(reason="ARREARS")
    warrant = Warrant.objects.get(subscription=world.line)
    plan = warrant.plan
    assert plan is not None
    assert plan.state in (PlanState.RUNNING, PlanState.DONE)
    assert len({warrant.first_approver_id, warrant.second_approver_id, plan.made_by_id}) == 3
    assert end.suspension is not None
    assert (world.today - end.suspension.begins_on).days > 60
    assert world.owes_late() > 0
    assert not Dispute.objects.open().exists()
    assert not Exemption.objects.filter(active_from__lte=world.today, active_to__gt=world.today).exists()
    assert not Promise.objects.filter(state="OPEN", until__gte=world.today).exists()
    for row in Payment.objects.filter(pk__in=[each.pk for each in world.in_flight]):
        assert row.state != PaymentState.UNKNOWN
        assert world.at - row.created_at >= 3 * DAY
    for address in world.left() | {world.own_number}:
        assert _has_heard(world, address, warrant), address


def _was_sent(code: str, address: str, row: StageChange) -> bool:
    """A week before, to that address; where nobody hears there, by a letter that had arrived by then."""
    by = Delivery.objects.filter(message__code=code, created_at__gte=row.case.opened_at)
    if by.filter(address=address, failure="HARD").exists():
        posted = by.filter(channel="LETTER", letter_list__proof__isnull=False)
        return posted.filter(letter_list__posted_on__lte=row.on - 14 * DAY).exists()
    return by.filter(address=address, sent_at__date__lte=row.on - 7 * DAY).exists()


def _has_heard(world: World, address: str, warrant: Warrant) -> bool:
    """A signed receipt for that address a week before; for a dead one a letter that had arrived by then."""
    since, until = local_date(warrant.case.opened_at), world.today - 7 * DAY
    days = world.heard.get(("disconnection_ahead", address), [])
    if any(since <= day <= until for day in days):
        return True
    by = Delivery.objects.filter(message__code="disconnection_ahead", created_at__gte=warrant.case.opened_at)
    posted = by.filter(channel="LETTER", letter_list__proof__isnull=False)
    is_dead = by.filter(address=address, failure="HARD").exists()
    return is_dead and posted.filter(letter_list__posted_on__lte=until - 7 * DAY).exists()
