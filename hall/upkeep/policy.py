"""What is kept how long: every table of the hall is named here, with its rule or with the reason why it has none.

The days stand in the settings (KEEP_DAYS, KEEP_LEAST_DAYS). Rules under the laws of the database are carried out by its
own function (docs/adr/0016), the others by plain statements.
"""

from dataclasses import dataclass

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Rule:
    """Rows of one table, and of those that belong to them, that go when their time is over."""

    name: str
    title: str | Promise
    models: tuple[str, ...]
    is_under_law: bool = False
    sql: str = ""  # for rules without a law: "DELETE FROM … WHERE …" in chunks of %(most)s before %(before)s

    @property
    def days(self) -> int:
        return int(settings.KEEP_DAYS.get(self.name, 0))


def _plain(table: str, key: str, due: str) -> str:
    """A condition for rows that nothing protects."""
    return f'FROM "{table}" WHERE "{key}" IN (SELECT "{key}" FROM "{table}" WHERE {due} LIMIT %(most)s)'


RULES: tuple[Rule, ...] = (
    Rule("slips", _("受理单"), ("operations.Slip", "operations.SlipHistory"), is_under_law=True),
    Rule(
        "messages",
        _("通知及其正文"),
        ("notices.Message", "notices.Delivery", "notices.DeliveryReceipt", "notices.DeliveryAttempt"),
        is_under_law=True,
    ),
    Rule("callbacks", _("支付回调原文"), ("billing.GatewayCallback",), is_under_law=True),
    Rule("strangers-callbacks", _("未通过验签的支付回调"), ("billing.GatewayCallback",), is_under_law=True),
    Rule("strangers-receipts", _("未通过验签的送达回执"), ("notices.DeliveryReceipt",), is_under_law=True),
    Rule("audit", _("审计记录"), ("core.AuditRow",), is_under_law=True),
    Rule(
        "outbox",
        _("已处理的消息"),
        ("core.OutboxRow",),
        sql=_plain("core_outboxrow", "id", "state = 'DONE' AND finished_at < %(before)s"),
    ),
    Rule(
        "heartbeats",
        _("已不存在的任务"),
        ("core.Heartbeat",),
        sql=_plain("core_heartbeat", "job", "coalesce(last_finished_at, last_started_at) < %(before)s"),
    ),
    Rule(
        "sessions",
        _("过期的登录"),
        ("sessions.Session",),
        sql=_plain("django_session", "session_key", "expire_date < %(before)s"),
    ),
    Rule("cache", _("过期的缓存"), (), sql=_plain("core_cache", "cache_key", "expires < %(before)s")),
    Rule(
        "tokens",
        _("过期的令牌"),
        ("knox.AuthToken",),
        sql=_plain("knox_authtoken", "digest", "expiry < %(before)s"),
    ),
)

RULES += (
    Rule(
        "devices",
        _("已退出的设备"),
        ("usersessions.UserSession",),
        sql=_plain(
            "usersessions_usersession",
            "id",
            "last_seen_at < %(before)s AND session_key NOT IN (SELECT session_key FROM django_session)",
        ),
    ),
    Rule(
        "searches",
        _("无结果搜索"),
        ("content.SearchMiss",),
        sql=_plain("content_searchmiss", "id", '"on" < %(before)s'),
    ),
)

RULES += (
    Rule(
        "number-holds",
        _("已过期的号码预占"),
        ("resources.NumberPeriod",),
        sql=_plain("resources_numberperiod", "id", "kind = 'HOLD' AND upper(during) < %(before)s"),
    ),
    Rule(
        "number-searches",
        _("选号查询"),
        ("resources.NumberSearch",),
        sql=_plain("resources_numbersearch", "id", '"at" < %(before)s'),
    ),
)

_LEDGER = "the books: accounting records are kept for decades, and every proof of a balance needs them"
_PEOPLE = "who our customers and staff are; a person's own data goes when he asks for it (accounts)"
_RULES_OF_TODAY = "what holds today; few rows"
KEPT: dict[str, str] = {
    "accounts.BillingAccount": _PEOPLE,
    "accounts.Contact": _PEOPLE,
    "accounts.Customer": _PEOPLE,
    "accounts.Membership": _PEOPLE,
    "accounts.MembershipHistory": _PEOPLE,
    "accounts.User": _PEOPLE,
    "accounts.Region": _RULES_OF_TODAY,
    "accounts.Segment": _RULES_OF_TODAY,
    "accounts.SegmentMembership": "prices of months that are over rest on it",
    "accounts.Standing": "prices of months that are over rest on it",
    "notices.Template": _RULES_OF_TODAY + "; messages point to the version that they were written with",
    "notices.Trigger": _RULES_OF_TODAY,
    "notices.LetterList": "the proof that letters were posted, and when; few rows",
    "notices.InboxMark": "one row a reader: what he has not read yet",
    "core.CalendarDay": _RULES_OF_TODAY,
    "core.Approval": "who decided about money: goes with the books",
    "core.ApprovalHistory": "who decided about money: goes with the books",
    "accounts.ConsentChange": "the proof of each yes and no; holds no answer, only the purpose",
    "accounts.DataExport": "that a copy was asked for; its content goes after days (accounts.purge)",
    "accounts.Invitation": _PEOPLE,
    "accounts.LoginClosing": "the proof that a wish to be forgotten was carried out",
    "accounts.ProfileDetails": _PEOPLE,
    "accounts.Post": "who could do what when: read together with the audit trail",
    "accounts.Certificate": "who could do what when: read together with the audit trail",
    "accounts.RoleRule": _RULES_OF_TODAY,
    "operations.ServingSession": "who acted for whom: read together with the slips",
    "operations.ServingHistory": "who acted for whom: read together with the slips",
    "mfa.Authenticator": _PEOPLE,
    "core.Upload": "belongs to what it was sent with; what nobody used goes by its own job",
    "auth.Group": _RULES_OF_TODAY,
    "auth.Permission": _RULES_OF_TODAY,
    "contenttypes.ContentType": _RULES_OF_TODAY,
    "account.EmailAddress": "not used: we keep contacts",
    "account.EmailConfirmation": "not used: we keep contacts",
    "admin.LogEntry": "not shown, the audit trail is; few rows",
}
# All tables of a room that no rule names.
KEPT_ROOMS: dict[str, str] = {
    "arrears": "what was decided about whom and what he was told, sealed: the proof that nobody was cut off unheard",
    "billing": _LEDGER,
    "catalog": "what was sold at which price, who held it and why it ended: contracts and charging are proven by it",
    "content": "what the operator has told the public, and when; few rows",
    "resources": "who had which number and device when, what was moved and switched: proof; names nobody but by number",
}
# Tables with a job of their own that forgets what is old.
ELSEWHERE: dict[str, str] = {
    "accounts.VerificationCode": "accounts.purge",
    "accounts.CodeRequest": "accounts.purge",
    "accounts.ApiToken": "goes with knox's row, rule tokens",
    "billing.AccountLookup": "billing.purge",
}
