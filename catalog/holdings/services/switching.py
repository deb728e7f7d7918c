"""What has to be switched on and off for a subscription at the far systems.

A command is asked for once under each key, so that whoever comes twice switches nothing twice.
"""

from collections import defaultdict
from collections.abc import Sequence
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


class _Contents(dict[int, tuple[frozenset[str], str]]):
    """By offer the entitlements and the line profile ("": none) of what it consists of, each read once."""

    def __missing__(self, offer_id: int) -> tuple[frozenset[str], str]:
        rows = _CONSISTS_OF.rows(offer=offer_id)
        entitlements = frozenset(each for row in rows for each in row.entitlements)
        self[offer_id] = entitlements, next((row.line_profile for row in rows if row.line_profile), "")
        return self[offer_id]


def on(subscription: Subscription, *, cause: str, actor: Actor, as_of: datetime) -> list[Command]:
    """Authorises all that it gives and opens its line; the commands that this takes, none: nothing is to be done."""
    wanted = _wanted_on(subscription, _Contents())
    return _ask(_asked(subscription, wanted, cause), actor=actor, as_of=as_of)


def on_each(these: Sequence[tuple[Subscription, str]], *, actor: Actor, as_of: datetime) -> None:
    """`on` for each, with its cause."""
    contents = _Contents()
    asked = [each for row, cause in these for each in _asked(row, _wanted_on(row, contents), cause)]
    provisioning.request_each(asked, as_of=as_of, actor=actor)


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
    contents = _Contents()
    [given] = _given_by_others([subscription], contents)
    wanted = _wanted_off(subscription, contents, given, instead_of)
    return len(_ask(_asked(subscription, wanted, cause), actor=actor, as_of=as_of))


def off_each(these: Sequence[tuple[Subscription, str]], *, actor: Actor, as_of: datetime) -> None:
    """`off` for each in this order, with its cause: what two give to one device goes off with the second."""
    contents = _Contents()
    given = _given_by_others([row for row, _cause in these], contents)
    asked = [
        each
        for (row, cause), beside in zip(these, given, strict=True)
        for each in _asked(row, _wanted_off(row, contents, beside), cause)
    ]
    provisioning.request_each(asked, as_of=as_of, actor=actor)


def moved(subscription: Subscription, before: str, *, actor: Actor, as_of: datetime) -> int:
    """Its device is another one: all that is asked for already is authorised there, and no more at the one before.

    `before`: its serial, "" where there was none. How many commands.
    """
    entitlements, _line = _Contents()[subscription.offer_id]
    if not entitlements or subscription.device is None or not was_asked(subscription.number):
        return 0
    given = {"entitlements": sorted(entitlements)}
    cause = f"device:{as_of:%y%m%d%H%M%S%f}"  # the same one may come again
    wanted: list[_Command] = [(Action.AUTHORISE, given)]
    if before:
        wanted.insert(0, (Action.DEAUTHORISE, given | {"device": before}))
    return len(_ask(_asked(subscription, wanted, cause), actor=actor, as_of=as_of))


def is_done(number: str) -> bool:
    """Whether no command of this subscription is still open."""
    return not _OPEN.exists(number=number)


def was_asked(number: str) -> bool:
    """Whether anything was ever to be switched for it."""
    return Command.objects.filter(subject_kind=SUBJECT, subject_id=number).exists()


def _wanted_on(subscription: Subscription, contents: _Contents) -> list[_Command]:
    entitlements, line = contents[subscription.offer_id]
    wanted: list[_Command] = []
    if entitlements:
        wanted.append((Action.AUTHORISE, {"entitlements": sorted(entitlements)}))
    if line:
        before = _line_before(subscription, contents)
        wanted.append(
            (Action.LINE_CHANGE, {"line_profile": line, "before": before})
            if before
            else (Action.LINE_ON, {"line_profile": line})
        )
    return wanted


def _wanted_off(
    subscription: Subscription,
    contents: _Contents,
    given: tuple[set[str], bool],
    instead_of: Subscription | None = None,
) -> list[_Command]:
    entitlements, line = contents[subscription.offer_id]
    kept, is_line_kept = given
    wanted: list[_Command] = []
    if gone := entitlements - kept:
        wanted.append((Action.DEAUTHORISE, {"entitlements": sorted(gone)}))
    if line and not is_line_kept:
        wanted.append(_line_away(subscription, line, contents, instead_of))
    return wanted


def _given_by_others(leaving: Sequence[Subscription], contents: _Contents) -> list[tuple[set[str], bool]]:
    """What the device of each is given besides, by the account's holdings that are on and by what takes its place.

    And whether the latter has a line: the same line then goes on with another profile. Of those that leave, each is
    still on for the ones before it.
    """
    others = Subscription.objects.filter(account_id__in={row.account_id for row in leaving})
    ids = [row.pk for row in leaving]
    beside = others.switched_on().exclude(pk__in=ids).values_list("account_id", "device_id", "offer_id")
    following = others.filter(follows_id__in=ids).exclude(state=SubscriptionState.CANCELLED)
    next_offers: defaultdict[Any, list[int]] = defaultdict(list)
    for followed, account_id, offer_id in following.values_list("follows_id", "account_id", "offer_id"):
        next_offers[followed, account_id].append(offer_id)
    at_device: defaultdict[Any, list[int]] = defaultdict(list)
    for account_id, device_id, offer_id in beside:
        at_device[account_id, device_id].append(offer_id)
    given = []
    for row in reversed(leaving):
        coming, place = next_offers[row.pk, row.account_id], at_device[row.account_id, row.device_id]
        entitlements = {each for offer_id in (*place, *coming) for each in contents[offer_id][0]}
        given.append((entitlements, any(contents[offer_id][1] for offer_id in coming)))
        place.append(row.offer_id)
    return given[::-1]


def _line_away(
    subscription: Subscription, line: str, contents: _Contents, instead_of: Subscription | None
) -> _Command:
    """The line goes off; or back to how it was, where what has it goes on."""
    goes_on = instead_of is not None and instead_of.state == SubscriptionState.ACTIVE
    if instead_of is not None and goes_on and (before := contents[instead_of.offer_id][1]):
        return Action.LINE_CHANGE, {"line_profile": before, "before": subscription.number}
    return Action.LINE_OFF, {"line_profile": line}


def _line_before(subscription: Subscription, contents: _Contents) -> str:
    """The number of what it takes the place of, where that still has the line; else ""."""
    before = subscription.follows
    if before is None or before.state != SubscriptionState.ACTIVE:
        return ""
    return before.number if contents[before.offer_id][1] else ""


def _asked(subscription: Subscription, wanted: Sequence[_Command], cause: str) -> list[provisioning.Asked]:
    serial = subscription.device.serial if subscription.device else ""
    return [
        provisioning.Asked(
            subject_kind=SUBJECT,
            subject_id=subscription.number,
            action=action,
            payload={"device": serial} | payload,
            key=f"{subscription.number}:{cause}:{action}",
            region_id=subscription.account.region_id,
        )
        for action, payload in wanted
    ]


def _ask(asked: Sequence[provisioning.Asked], *, actor: Actor, as_of: datetime) -> list[Command]:
    return [provisioning.request(each, as_of=as_of, actor=actor) for each in asked]
