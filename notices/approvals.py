"""What of notices takes two people: the words of a notice that the law asks for."""

from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import approvals
from core.actor import Actor
from notices.models import Template
from notices.services import templates
from notices.template_checks import Text

TEMPLATE = "notices.template"
PERMISSION = "notices.add_template"


def submit(
    *,
    code: str,
    channel: str,
    language: str,
    text: Text,
    active_from: datetime,
    reason: str,
    actor: Actor,
    as_of: datetime,
    address: str | None = None,
) -> approvals.Outcome:
    """A new version at once; for a LEGAL kind a request that somebody else decides. Raises what `templates.add` does.

    `data` of the request holds the whole text, so that who decides reads what will be said.
    """
    return approvals.submit(
        kind=TEMPLATE,
        subject=(Template._meta.label, f"{code}/{channel}/{language}"),
        amount_cents=0,
        data={
            "code": code,
            "channel": channel,
            "language": language,
            "title": text.title,
            "body": text.body,
            "is_secret": text.is_secret,
            "active_from": active_from.isoformat(),
        },
        reason=reason,
        actor=actor,
        as_of=as_of,
        address=address,
    )


def _may_alone(*, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool:
    return not templates.kind_of(data["code"]).is_legal


def _describe(data: dict[str, Any]) -> str | Promise:
    return _("%(code)s · %(channel)s · %(language)s：%(text)s") % {
        "code": data["code"],
        "channel": data["channel"],
        "language": data["language"],
        "text": " ".join(part for part in (data["title"], data["body"]) if part),
    }


@approvals.kind(
    TEMPLATE,
    title=gettext_lazy("通知文案"),
    permission=PERMISSION,
    approve_permission=PERMISSION,  # who may write texts may approve of another's
    limit=lambda: 0,
    has_amount=False,
    may_alone=_may_alone,
    describe=_describe,
)
def _add(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    begins = datetime.fromisoformat(data["active_from"])
    row = templates.add(
        code=data["code"],
        channel=data["channel"],
        language=data["language"],
        text=Text(data["channel"], data["title"], data["body"], data["is_secret"]),
        # What was approved late is not what was said before.
        active_from=max(begins, as_of) if templates.kind_of(data["code"]).is_legal else begins,
    )
    return _("已写入：%(row)s") % {"row": row}
