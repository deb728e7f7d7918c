"""What has to be switched on and off for a subscription at the far systems.

A command is asked for once under each key, so that whoever comes twice switches nothing twice.
"""

from datetime import datetime
from typing import Any

from catalog.holdings.models import Subscription, SubscriptionState
from catalog.offers.models import ProductSpecification
from core.actor import Actor
from core.prepared import Prepared
from resources.models import Action, Command, CommandState
from resources.services import provisioning

_Command = tuple[Action, dict[str, Any]]
SUBJECT = "subscription"  # of the commands; their subject's id is the subscription's number
_OPEN = Prepared(
    lambda number: Command.objects.filter(subject_kind=SUBJECT, subject_id=number).exclude(
        state=CommandState.DONE
    ),
    number=str,
)
_CONSISTS_OF = Prepared(
    lambda offer: ProductSpecification.objects.filter(offers=offer).order_by("pk"), offer=int
)


def on(subscription: Subscription, *, cause: str, actor: Actor, as_of: datetime) -> list[Command]:
    """Authorises all that it gives and opens its line; the commands that this takes, none: nothing is to be done."""
    entitlements, line = _of_offer(subscription.offer_id)
    wanted: list[_Command] = []
    if entitlements:
        wanted.append((Action.AUTHORISE, {"entitlements": sorted(entitlements)}))
    if line:
        before = _line_before(subscription)
        wanted.append(
            (Action.LINE_CHANGE, {"line_profile": line, "before": before})
            if before
            else (Action.LINE_ON, {"line_profile": line})
        )
    return _ask(subscription, wanted, cause=cause, actor=actor, as_of=as_of)


def off(
    subscription: Subscription,
    *,
    cause: str,
    actor: Actor,
    as_of: datetime,
    instead_of: Subscription | None = None,
) -> int:
    """Takes away what nothing else that the account has switched on at this device gives; how many commands.

    `instead_of`: what it was to take the place of and does not; the line goes back to how that has it.
    """
    entitlements, line = _of_offer(subscription.offer_id)
    kept, kept_lines = _given_by_others(subscription)
    wanted: list[_Command] = []
    if gone := entitlements - kept:
        wanted.append((Action.DEAUTHORISE, {"entitlements": sorted(gone)}))
    if line and not kept_lines:
        wanted.append(_line_away(subscription, line, instead_of))
    return len(_ask(subscription, wanted, cause=cause, actor=actor, as_of=as_of))


def moved(subscription: Subscription, before: str, *, actor: Actor, as_of: datetime) -> int:
    """Its device is another one: all that is asked for already is authorised there, and no more at the one before.

    `before`: its serial, "" where there was none. How many commands.
    """
    entitlements, _line = _of_offer(subscription.offer_id)
    if not entitlements or subscription.device is None or not was_asked(subscription.number):
        return 0
    given = {"entitlements": sorted(entitlements)}
    cause = f"device:{as_of:%y%m%d%H%M%S%f}"  # the same one may come again
    wanted: list[_Command] = [(Action.AUTHORISE, given)]
    if before:
        wanted.insert(0, (Action.DEAUTHORISE, given | {"device": before}))
    return len(_ask(subscription, wanted, cause=cause, actor=actor, as_of=as_of))


def is_done(number: str) -> bool:
    """Whether no command of this subscription is still open."""
    return not _OPEN.exists(number=number)


def was_asked(number: str) -> bool:
    """Whether anything was ever to be switched for it."""
    return Command.objects.filter(subject_kind=SUBJECT, subject_id=number).exists()


def _of_offer(offer_id: int) -> tuple[set[str], str]:
    """The entitlements and the line profile ("": none) of what an offer consists of."""
    entitlements: set[str] = set()
    line = ""
    for row in _CONSISTS_OF.rows(offer=offer_id):
        entitlements |= set(row.entitlements)
        line = line or row.line_profile
    return entitlements, line


def _given_by_others(subscription: Subscription) -> tuple[set[str], bool]:
    """What the same device is given besides, by the account's holdings that are on and by what takes its place.

    And whether the latter has a line: the same line then goes on with another profile.
    """
    others = Subscription.objects.filter(account_id=subscription.account_id).exclude(pk=subscription.pk)
    beside = others.switched_on().filter(device=subscription.device)
    following = others.filter(follows_id=subscription.pk).exclude(state=SubscriptionState.CANCELLED)
    next_offers = list(following.values_list("offer_id", flat=True))
    given: set[str] = set()
    for offer_id in {*beside.values_list("offer_id", flat=True), *next_offers}:
        given |= _of_offer(offer_id)[0]
    return given, any(_of_offer(offer_id)[1] for offer_id in next_offers)


def _line_away(subscription: Subscription, line: str, instead_of: Subscription | None) -> _Command:
    """The line goes off; or back to how it was, where what has it goes on."""
    goes_on = instead_of is not None and instead_of.state == SubscriptionState.ACTIVE
    if instead_of is not None and goes_on and (before := _of_offer(instead_of.offer_id)[1]):
        return Action.LINE_CHANGE, {"line_profile": before, "before": subscription.number}
    return Action.LINE_OFF, {"line_profile": line}


def _line_before(subscription: Subscription) -> str:
    """The number of what it takes the place of, where that still has the line; else ""."""
    before = subscription.follows
    if before is None or before.state != SubscriptionState.ACTIVE:
        return ""
    return before.number if _of_offer(before.offer_id)[1] else ""


def _ask(
    subscription: Subscription,
    wanted: list[_Command],
    *,
    cause: str,
    actor: Actor,
    as_of: datetime,
) -> list[Command]:
    serial = subscription.device.serial if subscription.device else ""
    return [
        provisioning.request(
            subject_kind=SUBJECT,
            subject_id=subscription.number,
            action=action,
            payload={"device": serial} | payload,
            key=f"{subscription.number}:{cause}:{action}",
            as_of=as_of,
            region_id=subscription.account.region_id,
            actor=actor,
        )
        for action, payload in wanted
    ]
