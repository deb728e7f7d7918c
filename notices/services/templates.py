"""New versions of texts. A version that is there is never edited."""

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from core.errors import HallError
from notices import kinds, rules, template_checks
from notices.kinds import Kind, Purpose, Variable
from notices.models import Template
from notices.template_checks import Text


class BadText(HallError):
    code = "BAD_TEMPLATE"
    message = _("这份文案不能使用：%(problems)s")
    status = 422


class NoSuchKind(HallError):
    code = "UNKNOWN_NOTICE_KIND"
    message = _("没有登记这个模板代码")
    status = 422


def kind_of(code: str) -> Kind:
    """The kind of that code. One that no room declares any more is what its texts have been; raises NoSuchKind."""
    if (found := kinds.find(code)) is not None:
        return found
    earlier = list(Template.objects.filter(code=code))
    if not earlier:
        raise NoSuchKind()
    names = {name for row in earlier for text in (row.title, row.body) for name in rules.variables(text)}
    return Kind(
        code=code,
        title=code,
        purpose=Purpose.SERVICE,
        variables=[Variable(name, name, name) for name in sorted(names)],
        is_secret=earlier[0].is_secret,
    )


@transaction.atomic
def add(*, code: str, channel: str, language: str, text: Text, active_from: datetime) -> Template:
    """The next version of a text. Raises NoSuchKind, and BadText for what could not be sent."""
    found = template_checks.problems(kind_of(code), text)
    if found:
        raise BadText(problems="; ".join(each.text for each in found))
    _one_at_a_time(code, channel, language)
    same = Template.objects.filter(code=code, channel=channel, language=language)
    return Template.objects.create(
        code=code,
        channel=channel,
        language=language,
        version=(same.aggregate(newest=Max("version"))["newest"] or 0) + 1,
        title=text.title,
        body=text.body,
        is_secret=text.is_secret,
        active_from=active_from,
    )


def _one_at_a_time(*name: str) -> None:
    """Two who write the same text at one moment get two numbers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ["notices.template:" + "/".join(name)]
        )
