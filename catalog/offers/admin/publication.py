"""Publishing to the minute and taking that back, as staff do it with offers and discounts alike."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.offers.admin import states
from catalog.offers.admin.forms import PublishForm
from core.actor import Actor
from core.reasoned import Reasoned

Publish = Callable[[Any, datetime | None, datetime], states.Row]  # row id, at, as_of
TakeBack = Callable[[Any, datetime], object]  # row id, as_of


def acts(
    *, publish: Publish, take_back: TakeBack, permission: str, explanation: Promise
) -> tuple[Reasoned, Reasoned]:
    """Both, by the services given; `explanation` says what must be there before it is published."""

    def carry_out(
        row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
    ) -> str | Promise:
        row = publish(row_id, data["at"], as_of)
        is_now = row.published_at is not None and row.published_at <= as_of
        return _("已发布") if is_now else _("已排定，到发布时间自动显示")

    def undo(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
        take_back(row_id, as_of)
        return _("已退回草稿")

    return (
        Reasoned(
            name="publish",
            title=_("发布"),
            explanation=explanation,
            permission=permission,
            applies=states.is_draft,
            carry_out=carry_out,
            icon="publish",
            form_class=PublishForm,
        ),
        Reasoned(
            name="take-back",
            title=_("取消定时发布"),
            explanation=_("还没有对外显示的退回草稿。"),
            permission=permission,
            applies=states.is_announced,
            carry_out=undo,
            icon="undo",
        ),
    )
