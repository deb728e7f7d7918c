"""Messages out, and the proof that they arrived. Knows no customer: "this template to this address, for this ref"."""

from datetime import UTC

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core import periods
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.models import Upload
from core.statemachine import Machine
from notices.laws import ByPost, OneList, PostedOnce, WrittenOnce

POST_DAYS = 7  # after which a posted letter counts as delivered; the law ByPost holds the same


class Channel(models.TextChoices):
    SMS = "SMS", _("短信")
    EMAIL = "EMAIL", _("电子邮件")
    INBOX = "INBOX", _("站内信")  # read on the hall's own page; proves nothing before the law
    LETTER = "LETTER", _("信函")  # printed, posted, and proven by a scan


class Template(models.Model):
    """One version of one text in one language on one channel; a version that was used is never edited."""

    code = models.CharField(_("模板代码"), max_length=60)  # e.g. "payment_received"
    channel = models.CharField(_("渠道"), max_length=10, choices=Channel.choices)
    language = models.CharField(_("语言"), max_length=10, default="zh-hans")
    version = models.PositiveIntegerField(_("版本"))
    title = models.CharField(
        _("标题"), max_length=200, blank=True, default=""
    )  # e-mail subject; empty for SMS
    body = models.TextField(_("正文"))  # Django template syntax, plain variables only
    is_secret = models.BooleanField(_("保密内容"), default=False)  # the rendered body is never stored
    active_from = models.DateTimeField(_("生效时间"))

    class Meta:
        verbose_name = _("通知模板")
        verbose_name_plural = pgettext_lazy("plural", "通知模板")
        constraints = [
            models.UniqueConstraint(
                fields=["code", "channel", "language", "version"], name="template_version_unique"
            )
        ]
        triggers = [AppendOnly(name="template_append_only")]

    def __str__(self) -> str:
        return f"{self.code} {self.channel} {self.language} v{self.version}"


class Message(models.Model):
    """One thing that somebody is told, once: the dedupe key makes a second request the same message."""

    code = models.CharField(_("模板代码"), max_length=60)  # template code
    recipient_ref = models.CharField(_("收件人"), max_length=80)  # opaque, e.g. "account:8100000001"
    language = models.CharField(_("语言"), max_length=10, default="zh-hans")
    dedupe_key = models.CharField(_("去重键"), max_length=160, unique=True)
    context = models.JSONField(_("变量"), default=dict)  # empty for secret templates
    # What is sent with an e-mail, made when it goes out: "kind:reference", see notices.attachments. Empty: nothing.
    attachment = models.CharField(_("附件"), max_length=120, blank=True, default="")
    unsubscribe_url = models.CharField(
        _("退订地址"), max_length=300, blank=True, default=""
    )  # for the mail's headers; empty: nothing that one subscribes to
    consent = models.CharField(
        _("同意凭据"), max_length=40, blank=True, default="", db_default=""
    )  # for marketing, e.g. "consent:17"; empty: none was needed
    # Where else to try, best first, when nothing proves in time that it arrived: [{"channel", "address", "after"}, …];
    # `after` is how many seconds the one before it is given.
    fallbacks = models.JSONField(_("备用渠道"), default=list, blank=True)
    created_at = models.DateTimeField(_("产生时间"))

    class Meta:
        verbose_name = _("通知")
        verbose_name_plural = pgettext_lazy("plural", "通知")
        indexes = [models.Index(fields=["recipient_ref", "-created_at"], name="message_recipient")]
        triggers = [AppendOnly(name="message_append_only")]

    def __str__(self) -> str:
        return f"{self.code} {self.recipient_ref}"


class DeliveryState(models.TextChoices):
    QUEUED = "QUEUED", _("待发送")
    SENT = "SENT", _("已提交运营商")  # handed over; not yet known to have arrived
    DELIVERED = "DELIVERED", _("已送达")
    FAILED = "FAILED", _("未送达")  # permanent, or attempts used up
    EXPIRED = "EXPIRED", _("已过期")  # a secret whose short life ended unsent


_D = DeliveryState
# A receipt may overtake the worker that notes the hand-over (QUEUED → DELIVERED), and a provider may give up on a
# message that arrives after all (FAILED → DELIVERED). Nothing leads away from DELIVERED: it is proof.
DELIVERY_MACHINE = Machine(
    name="delivery",
    initial=_D.QUEUED,
    transitions={
        _D.QUEUED: frozenset({_D.SENT, _D.DELIVERED, _D.FAILED, _D.EXPIRED}),
        _D.SENT: frozenset({_D.DELIVERED, _D.FAILED}),
        _D.FAILED: frozenset({_D.QUEUED, _D.DELIVERED}),
        _D.DELIVERED: frozenset(),
        _D.EXPIRED: frozenset(),
    },
)


class Failure(models.TextChoices):
    """Whose trouble it was that a delivery did not arrive."""

    HARD = "HARD", _("地址无效")  # the address takes no messages, now or later
    SOFT = "SOFT", _("地址暂不可用")  # a full mailbox, a busy server: perhaps the next message
    COMPLAINT = "COMPLAINT", _("被投诉")  # it arrived, and its reader calls it spam
    OTHER = "OTHER", _("其他原因")  # our own or the carrier's trouble, or one that is not told


class Delivery(models.Model):
    """One message to one address over one channel. Its own queue: claimed by lease, see core.queues."""

    State = DeliveryState

    message = models.ForeignKey(
        Message, verbose_name=_("通知"), on_delete=models.PROTECT, related_name="deliveries"
    )
    template = models.ForeignKey(Template, verbose_name=_("模板"), on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(_("渠道"), max_length=10, choices=Channel.choices)
    # As sent: +86…, an e-mail address, "inbox", or the lines of a postal address.
    address = models.CharField(_("地址"), max_length=400)
    body = models.TextField(
        _("正文"), blank=True, default=""
    )  # as sent; empty until then where many were queued at once, always for secrets
    state = models.CharField(_("状态"), max_length=10, choices=State.choices, default=State.QUEUED)
    provider = models.CharField(_("服务商"), max_length=40, blank=True, default="")
    provider_message_id = models.CharField(_("服务商编号"), max_length=80, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(_("尝试次数"), default=0)
    error = models.CharField(_("错误"), max_length=200, blank=True, default="")
    failure = models.CharField(
        _("失败原因"), max_length=10, choices=Failure.choices, blank=True, default=""
    )  # empty: did not fail, or a worker was lost
    priority = models.PositiveSmallIntegerField(_("优先级"), default=5)  # 0 goes first
    fallback_at = models.DateTimeField(
        _("改用备用渠道时间"), null=True, blank=True
    )  # not known to have arrived by then: the next fallback is tried; null: there is none left
    instead_of = models.ForeignKey(
        "self",
        verbose_name=_("替代的发送"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,  # few have one: see the index below
    )  # the delivery that was not known to have arrived; null: the first try
    letter_list = models.ForeignKey(
        "LetterList",
        verbose_name=_("寄信清单"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="deliveries",
        db_index=False,
    )  # on which a LETTER was printed; null: not yet, or another channel
    created_at = models.DateTimeField(_("产生时间"))
    next_attempt_at = models.DateTimeField(_("下次发送"))  # also the end of a worker's lease
    expires_at = models.DateTimeField(
        _("失效时间"), null=True, blank=True
    )  # null: no end; secrets have a short one
    sent_at = models.DateTimeField(_("提交时间"), null=True, blank=True)  # null until handed over
    poll_at = models.DateTimeField(
        _("查询回执时间"), null=True, blank=True
    )  # when its provider is next asked what became of it; null: a receipt came, or nobody asks (any more)
    delivered_at = models.DateTimeField(
        _("送达时间"), null=True, blank=True
    )  # null until a verified receipt says so

    class Meta:
        verbose_name = _("发送")
        verbose_name_plural = pgettext_lazy("plural", "发送")
        indexes = [
            models.Index(
                fields=["channel", "priority", "next_attempt_at", "id"],
                name="delivery_due",
                condition=models.Q(state="QUEUED"),
            ),
            models.Index(fields=["id"], name="delivery_failed", condition=models.Q(state="FAILED")),
            models.Index(
                fields=["fallback_at"],
                name="delivery_falls_back",
                condition=models.Q(fallback_at__isnull=False),
            ),
            models.Index(
                fields=["poll_at"], name="delivery_polled", condition=models.Q(poll_at__isnull=False)
            ),
            models.Index(
                fields=["instead_of"], name="delivery_instead", condition=models.Q(instead_of__isnull=False)
            ),
            models.Index(
                fields=["letter_list", "id"],
                name="delivery_on_list",
                condition=models.Q(letter_list__isnull=False),
            ),
            models.Index(fields=["provider", "provider_message_id"], name="delivery_provider_id"),
            models.Index(fields=["address", "-created_at"], name="delivery_address"),
            BrinIndex(fields=["created_at"], name="delivery_created"),  # staff search by dates
        ]
        triggers = [
            NeverDelete(name="delivery_never_deleted"),
            StartsAt(name="delivery_starts_queued", machine=DELIVERY_MACHINE),
            Transitions(name="delivery_transitions", machine=DELIVERY_MACHINE),
            Fixed(
                name="delivery_fixed",
                columns=("message_id", "channel", "address", "created_at", "instead_of_id"),
            ),
            WrittenOnce(name="delivery_body_written_once"),
            OneList(name="delivery_on_one_list"),
            ByPost(name="delivery_by_post", days=POST_DAYS),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.pk} {self.state}"

    @property
    def reference(self) -> str:
        """What the provider knows it by; sent again it is the same message. Unique over all databases in practice."""
        return f"{self.pk}-{self.created_at.astimezone(UTC):%Y%m%d%H%M%S%f}"


class DeliveryAttempt(models.Model):
    """One try to hand a delivery over, and how it ended. A try that lost its worker leaves none: the count tells."""

    delivery = models.ForeignKey(
        Delivery, verbose_name=_("发送"), on_delete=models.PROTECT, related_name="tries"
    )
    number = models.PositiveSmallIntegerField(_("第几次"))  # begins anew when staff send it again
    at = models.DateTimeField(_("时间"))
    worker = models.CharField(_("发送进程"), max_length=80)  # who tried: "host:process"
    provider = models.CharField(_("服务商"), max_length=40)
    error = models.CharField(_("错误"), max_length=200, blank=True, default="")  # empty: it was taken over

    class Meta:
        verbose_name = _("发送尝试")
        verbose_name_plural = pgettext_lazy("plural", "发送尝试")
        triggers = [AppendOnly(name="delivery_attempt_append_only")]

    def __str__(self) -> str:
        return f"{self.delivery_id} {self.number}"


class DeliveryReceipt(models.Model):
    """What a provider says became of a delivery. Kept as received, also when unknown or repeated."""

    delivery = models.ForeignKey(
        Delivery, verbose_name=_("发送"), on_delete=models.PROTECT, related_name="receipts", null=True
    )  # null: for a message we do not know
    provider = models.CharField(_("服务商"), max_length=40)
    provider_message_id = models.CharField(_("服务商编号"), max_length=80)
    status = models.CharField(_("结果"), max_length=20)
    reported_at = models.DateTimeField(
        _("服务商时间"), null=True
    )  # the provider's own time; null when it gives none
    received_at = models.DateTimeField(_("收到时间"))
    is_verified = models.BooleanField(_("验签通过"))  # its signature was right
    raw = models.BinaryField(_("原始内容"))

    class Meta:
        verbose_name = _("送达回执")
        verbose_name_plural = pgettext_lazy("plural", "送达回执")
        indexes = [
            models.Index(
                fields=["received_at"], name="receipt_unverified", condition=models.Q(is_verified=False)
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "provider_message_id", "status"],
                condition=models.Q(is_verified=True),
                name="delivery_receipt_once",
            )
        ]
        triggers = [AppendOnly(name="delivery_receipt_append_only")]

    def __str__(self) -> str:
        return f"{self.provider} {self.provider_message_id} {self.status}"


class LetterList(models.Model):
    """Letters that were printed together. Posted only with a scanned proof; they count as delivered days later."""

    number = models.CharField(_("清单编号"), max_length=32, unique=True)
    region_ref = models.CharField(_("区域"), max_length=40, blank=True, default="")  # opaque; empty: all
    created_at = models.DateTimeField(_("生成时间"))
    created_by = models.CharField(_("生成人"), max_length=80)
    posted_on = models.DateField(_("交寄日"), null=True, blank=True)  # null: not posted yet
    proof = models.ForeignKey(
        Upload, verbose_name=_("交寄凭证"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # the scanned proof of posting; null: not posted yet
    posted_by = models.CharField(_("登记交寄人"), max_length=80, blank=True, default="")

    class Meta:
        verbose_name = _("寄信清单")
        verbose_name_plural = pgettext_lazy("plural", "寄信清单")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(posted_on__isnull=True, proof__isnull=True, posted_by="")
                | (models.Q(posted_on__isnull=False, proof__isnull=False) & ~models.Q(posted_by="")),
                name="letter_list_posted_with_proof",
            )
        ]
        triggers = [
            NeverDelete(name="letter_list_never_deleted"),
            Fixed(name="letter_list_fixed", columns=("number", "region_ref", "created_at", "created_by")),
            PostedOnce(name="letter_list_posted_once"),
        ]

    def __str__(self) -> str:
        return self.number


class Trigger(models.Model):
    """Something that the hall tells of its own accord (主动提醒), as data: what to look for, when, and which text."""

    code = models.CharField(_("代码"), max_length=40, unique=True)
    title = models.CharField(_("名称"), max_length=100)
    source = models.CharField(
        _("触发条件"), max_length=60
    )  # a code of notices.triggers, e.g. "billing.bill_due"
    days = models.SmallIntegerField(
        _("天数"), default=0
    )  # before (negative) or after the day that the source names
    template_code = models.CharField(_("模板代码"), max_length=60)
    is_on = models.BooleanField(_("启用"), default=True)
    active_from = models.DateField(_("生效日"))
    active_to = models.DateField(_("失效日"), null=True, blank=True)  # first day without it; null: open end

    class Meta:
        verbose_name = _("主动提醒")
        verbose_name_plural = pgettext_lazy("plural", "主动提醒")
        constraints = [periods.in_order(name="trigger_period")]
        triggers = [
            NeverDelete(name="trigger_never_deleted"),
            Fixed(name="trigger_fixed", columns=("code", "source", "active_from")),
        ]

    def __str__(self) -> str:
        return self.code


class InboxMark(models.Model):
    """Up to which message a reader has seen what he was told."""

    reader_ref = models.CharField(_("读者"), max_length=80, unique=True)  # opaque, e.g. "user:17"
    up_to = models.BigIntegerField(_("已读至"))  # the id of a message; those above it are unread
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("已读标记")
        verbose_name_plural = pgettext_lazy("plural", "已读标记")

    def __str__(self) -> str:
        return f"{self.reader_ref} {self.up_to}"
