"""The hall's own texts. A changed text is a new version here, or in the admin; a version is never edited.

They are put in after each migration rather than by one, so that whatever empties the tables (tests that commit) leaves
a hall that can still speak. What is there already is left alone.
"""

from datetime import UTC, date, datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_noop

from notices import (
    seed_arrears,
    seed_channels,
    seed_families,
    seed_orders,
    seed_people,
    seed_serving,
    seed_terms,
)
from notices.seed_mails import MAILS

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # stories and imports may run in the past
_SECRET = {"verification_code", "login_code", "pay_link", "email_bill_confirm", "serving_code"}
# What the hall tells of its own accord: code, title, source, days, kind of notice, whether it is on. A bill that falls
# due is told of by the policy for arrears; that trigger is for an operator without one.
_TRIGGERS = [
    ("bill_due", gettext_noop("账单到期提醒"), "billing.bill_due", -3, "bill_due_soon", False),
    (
        "large_bill",
        gettext_noop("大额账单提醒（没有联系手机的）"),
        "billing.large_bill",
        0,
        "large_bill",
        True,
    ),
    ("term_ending", gettext_noop("合约或优惠到期提醒"), "catalog.term_ending", -15, "term_ending", True),
    (
        "discount_ending",
        gettext_noop("试用或新客优惠到期提醒"),
        "catalog.discount_ending",
        -15,
        "term_ending",
        True,
    ),
]
_TEXTS = [
    (
        "verification_code",
        "zh-hans",
        "【网上营业厅】验证码 {{ code }}，{{ minutes }} 分钟内有效。工作人员不会向您索要，请勿告诉他人。",
    ),
    (
        "verification_code",
        "en",
        "[Online Hall] Your code is {{ code }}, valid for {{ minutes }} minutes. Our staff never ask for it.",
    ),
    (
        "login_code",
        "zh-hans",
        "【网上营业厅】登录验证码 {{ code }}，{{ minutes }} 分钟内有效。如非本人操作，请忽略，切勿告诉他人。",
    ),
    (
        "login_code",
        "en",
        "[Online Hall] Your login code is {{ code }}, valid for {{ minutes }} minutes. "
        "If you did not ask for it, ignore it and tell nobody.",
    ),
    (
        "payment_received",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号已收到缴费 {{ amount }}，收据号 {{ receipt }}。感谢您的支持。",
    ),
    (
        "payment_received",
        "en",
        "[Online Hall] We received {{ amount }} for the account ending in {{ account_tail }}. "
        "Receipt {{ receipt }}. Thank you.",
    ),
    (
        "account_bound",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号已被手机号 {{ phone }} 绑定。如非您同意，请联系客服。",
    ),
    (
        "account_bound",
        "en",
        "[Online Hall] The account ending in {{ account_tail }} was linked by {{ phone }}. "
        "If you did not agree to this, please contact us.",
    ),
    (
        "refund_succeeded",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号退款 {{ amount }} 已退出，退款单号 {{ number }}，"
        "到账时间以您的银行或支付账户为准。",
    ),
    (
        "refund_succeeded",
        "en",
        "[Online Hall] Refund of {{ amount }} for the account ending in {{ account_tail }} was paid out. "
        "Refund {{ number }}. Your bank or wallet may need a little time to show it.",
    ),
    (
        "refund_failed",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号退款 {{ amount }} 没有退成，钱还在账户余额里，"
        "退款单号 {{ number }}。工作人员会与您联系。",
    ),
    (
        "refund_failed",
        "en",
        "[Online Hall] Refund of {{ amount }} for the account ending in {{ account_tail }} did not go through. "
        "The money is still in the account balance. Refund {{ number }}. Our staff will contact you.",
    ),
    (
        "refund_rejected",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号退款 {{ amount }} 未获批准，钱还在账户余额里，"
        "退款单号 {{ number }}。如有疑问请联系客服。",
    ),
    (
        "refund_rejected",
        "en",
        "[Online Hall] Refund of {{ amount }} for the account ending in {{ account_tail }} was not approved. "
        "The money is still in the account balance. Refund {{ number }}. Please contact us with any question.",
    ),
    (
        "email_bill_started",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号已开通电子账单，账单寄往 {{ email }}。如非您办理，请联系客服。",
    ),
    (
        "email_bill_started",
        "en",
        "[Online Hall] Bills of the account ending in {{ account_tail }} now go to {{ email }} by e-mail. "
        "If you did not ask for this, please contact us.",
    ),
    (
        "email_bill_stopped",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的电子账单寄不到 {{ email }}，已停止寄送。请到网上营业厅更换邮箱。",
    ),
    (
        "email_bill_stopped",
        "en",
        "[Online Hall] Bills of the account ending in {{ account_tail }} do not reach {{ email }} and are no longer "
        "sent there. Please choose another address in the online hall.",
    ),
    (
        "payment_by_other",
        "zh-hans",
        "【网上营业厅】{{ payer }} 为尾号 {{ account_tail }} 的户号代缴 {{ amount }}，已入账，收据号 {{ receipt }}。",
    ),
    (
        "payment_by_other",
        "en",
        "[Online Hall] {{ payer }} paid {{ amount }} into the account ending in {{ account_tail }}. "
        "Receipt {{ receipt }}.",
    ),
    (
        "counter_reversed",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号在柜台缴的 {{ amount }}（收据号 {{ receipt }}）已冲正，"
        "款项应已当场退还，原已缴的账单恢复未缴。如您没有收到退款，请致电客服。",
    ),
    (
        "counter_reversed",
        "en",
        "[Online Hall] {{ amount }} paid at the counter into the account ending in {{ account_tail }} (receipt "
        "{{ receipt }}) was reversed and given back over the counter; bills paid with it are open again. "
        "If you did not get it back, please call us.",
    ),
    (
        "receipt_moved_away",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号一笔款项 {{ amount }}（收据号 {{ receipt }}）"
        "经核对不属于该户号，已转出。如有疑问请致电客服。",
    ),
    (
        "receipt_moved_away",
        "en",
        "[Online Hall] {{ amount }} (receipt {{ receipt }}) did not belong to the account ending in "
        "{{ account_tail }} and was moved to another one. Please call us with any question.",
    ),
    (
        "receipt_moved_here",
        "zh-hans",
        "【网上营业厅】一笔款项 {{ amount }}（收据号 {{ receipt }}）经核对属于尾号 {{ account_tail }} 的户号，已转入。"
        "如有疑问请致电客服。",
    ),
    (
        "receipt_moved_here",
        "en",
        "[Online Hall] {{ amount }} (receipt {{ receipt }}) was found to belong to the account ending in "
        "{{ account_tail }} and was moved into it. Please call us with any question.",
    ),
    (
        "pay_link",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号应缴 {{ amount }}，请打开 {{ url }} 核对并付款，"
        "{{ hours }} 小时内有效。请勿转发；如有疑问请致电客服。",
    ),
    (
        "pay_link",
        "en",
        "[Online Hall] {{ amount }} is due for the account ending in {{ account_tail }}. Check and pay at {{ url }} "
        "within {{ hours }} hours. Do not pass it on; call us if in doubt.",
    ),
    (
        "dispute_answered",
        "zh-hans",
        "【网上营业厅】您对尾号 {{ account_tail }} 户号账单提出的异议（{{ number }}）已有答复，"
        "请登录网上营业厅在账单页查看。",
    ),
    (
        "dispute_answered",
        "en",
        "[Online Hall] Your dispute {{ number }} about a bill of the account ending in {{ account_tail }} is answered. "
        "Please see the bill in the online hall.",
    ),
    (
        "debit_signed",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号已开通银行代扣，每笔最多 {{ max }}，扣款前短信通知。"
        "可随时在网上营业厅终止；如非您办理，请联系客服。",
    ),
    (
        "debit_signed",
        "en",
        "[Online Hall] Your bank now pays the bills of the account ending in {{ account_tail }}, {{ max }} each at "
        "most. You are told before each debit and can end it any time online. Not you? Please contact us.",
    ),
    (
        "debit_ended",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号银行代扣已终止，以后的账单请自行缴费。如非您办理，请联系客服。",
    ),
    (
        "debit_ended",
        "en",
        "[Online Hall] Bank debit for the account ending in {{ account_tail }} has ended. Please pay the next bills "
        "yourself. If you did not ask for this, please contact us.",
    ),
    (
        "debit_due",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号 {{ bill }} {{ amount }} 将于 {{ day }} 由银行代扣，请留足余额。"
        "有异议请在扣款前到网上营业厅提出；也可自行缴费或终止代扣。",
    ),
    (
        "debit_due",
        "en",
        "[Online Hall] {{ bill }} of the account ending in {{ account_tail }}, {{ amount }}, will be debited by your "
        "bank on {{ day }}. You can dispute it before, pay it yourself, or end the debit in the online hall.",
    ),
    (
        "debit_above_limit",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号 {{ bill }} {{ amount }} 超过您设的代扣上限 {{ max }}，"
        "不会代扣，请自行缴费。",
    ),
    (
        "debit_above_limit",
        "en",
        "[Online Hall] {{ bill }} of the account ending in {{ account_tail }}, {{ amount }}, is above your debit limit "
        "of {{ max }} and will not be debited. Please pay it yourself.",
    ),
    (
        "debit_retry",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号 {{ bill }} {{ amount }} 没有代扣成功，{{ day }} 再试一次。"
        "请留足余额，或到网上营业厅自行缴费。",
    ),
    (
        "debit_retry",
        "en",
        "[Online Hall] The debit of {{ amount }} for {{ bill }} of the account ending in {{ account_tail }} did not "
        "succeed. We try again on {{ day }}. Please see to your bank balance, or pay in the online hall.",
    ),
    (
        "debit_failed",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号 {{ bill }} {{ amount }} 没有代扣成功，不再重试。"
        "请到网上营业厅自行缴费，以免产生违约金。",
    ),
    (
        "debit_failed",
        "en",
        "[Online Hall] The debit of {{ amount }} for {{ bill }} of the account ending in {{ account_tail }} did not "
        "succeed and is not tried again. Please pay in the online hall to avoid a penalty.",
    ),
    (
        "api_token_made",
        "zh-hans",
        "【网上营业厅】您新建了接口令牌「{{ name }}」，有效至 {{ until }}。如非本人操作，请立即停用并修改密码。",
    ),
    (
        "api_token_made",
        "en",
        "[Online Hall] A token {{ name }} for the open interface was made, valid until {{ until }}. "
        "If it was not you, end it and change your password now.",
    ),
]


def install(*, using: str, apps: Any, **kwargs: Any) -> None:
    """Receiver of post_migrate: adds the versions that are missing."""
    try:
        template: type[models.Model] = apps.get_model("notices", "Template")
    except LookupError:  # migrated back to before the table
        return
    told = _TEXTS + seed_serving.TEXTS + seed_people.TEXTS + seed_families.TEXTS + seed_orders.TEXTS
    texts = [("SMS", code, language, "", body) for code, language, body in told]
    texts += [("EMAIL", *mail) for mail in MAILS + seed_serving.MAILS + seed_people.MAILS]
    texts += seed_channels.everywhere(seed_arrears.TOLD + seed_terms.TOLD)
    texts += [("LETTER", *letter) for letter in seed_arrears.LETTERS]
    rows = [
        template(
            code=code,
            channel=channel,
            language=language,
            version=1,
            title=title,
            body=body,
            is_secret=code in _SECRET,
            active_from=_LONG_AGO,
        )
        for channel, code, language, title, body in texts
    ]
    template._default_manager.using(using).bulk_create(rows, ignore_conflicts=True)
    _install_triggers(using, apps)


def _install_triggers(using: str, apps: Any) -> None:
    try:
        trigger: type[models.Model] = apps.get_model("notices", "Trigger")
    except LookupError:  # migrated back to before the table
        return
    names = ("code", "title", "source", "days", "template_code", "is_on")
    rows = [
        trigger(**dict(zip(names, values, strict=True)), active_from=date(2000, 1, 1)) for values in _TRIGGERS
    ]
    trigger._default_manager.using(using).bulk_create(rows, ignore_conflicts=True)
