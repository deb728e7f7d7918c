"""The hall's own texts. A changed text is a new version here, or in the admin; a version is never edited.

They are put in after each migration rather than by one, so that whatever empties the tables (tests that commit) leaves
a hall that can still speak. What is there already is left alone.
"""

from datetime import UTC, datetime
from typing import Any

from django.db import models

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # stories and imports may run in the past
_SECRET = {"verification_code", "login_code"}
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
]


def install(*, using: str, apps: Any, **kwargs: Any) -> None:
    """Receiver of post_migrate: adds the versions that are missing."""
    try:
        template: type[models.Model] = apps.get_model("notices", "Template")
    except LookupError:  # migrated back to before the table
        return
    rows = [
        template(
            code=code,
            channel="SMS",
            language=language,
            version=1,
            body=body,
            is_secret=code in _SECRET,
            active_from=_LONG_AGO,
        )
        for code, language, body in _TEXTS
    ]
    template._default_manager.using(using).bulk_create(rows, ignore_conflicts=True)
