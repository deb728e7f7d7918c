"""The hall's own e-mails, as `notices.seeds` puts them in."""

_UNSUBSCRIBE = {
    "zh-hans": "不想再收到电子账单？请打开：\n{{ unsubscribe_url }}\n\n本邮件由系统发出，请勿回复。",
    "en": "No more bills by e-mail? Open:\n{{ unsubscribe_url }}\n\n"
    "This mail was sent automatically. Please do not reply.",
}
# E-mails: code, language, title, body. A title that stays on a locked screen names no amount and no person.
MAILS = [
    (
        "email_bill_confirm",
        "zh-hans",
        "请确认接收电子账单",
        """您好：

有人在网上营业厅为尾号 {{ account_tail }} 的户号申请把电子账单寄到这个邮箱。

如果是您本人申请，请在 {{ hours }} 小时内打开下面的链接，登录后点击“确认”：
{{ url }}

如果不是您申请的，请忽略这封邮件，不确认就不会寄送；也可以打开下面的链接拒绝：
{{ unsubscribe_url }}

本邮件由系统发出，请勿回复。""",
    ),
    (
        "email_bill_confirm",
        "en",
        "Please confirm that bills may come to this address",
        """Hello,

Somebody asked the online hall to send the bills of the account ending in {{ account_tail }} to this address.

If it was you, open this link within {{ hours }} hours, log in and press "Confirm":
{{ url }}

If it was not you, ignore this mail: nothing is sent without confirmation. You can also refuse here:
{{ unsubscribe_url }}

This mail was sent automatically. Please do not reply.""",
    ),
    (
        "bill_mail",
        "zh-hans",
        "尾号 {{ account_tail }} 的{{ month }}账单",
        """尊敬的客户：

尾号 {{ account_tail }} 的户号 {{ month }}账单已出，见附件。

本期费用：{{ amount }}
还应缴：{{ open }}
缴费截止日：{{ due }}

查看和缴费：
{{ url }}

"""
        + _UNSUBSCRIBE["zh-hans"],
    ),
    (
        "bill_mail",
        "en",
        "Your bill for {{ month }}, account ending in {{ account_tail }}",
        """Dear customer,

The bill for {{ month }} of the account ending in {{ account_tail }} is attached.

Charges: {{ amount }}
Still to pay: {{ open }}
Due: {{ due }}

See and pay it here:
{{ url }}

"""
        + _UNSUBSCRIBE["en"],
    ),
    (
        "bill_mail_paid",
        "zh-hans",
        "尾号 {{ account_tail }} 的{{ month }}账单",
        """尊敬的客户：

尾号 {{ account_tail }} 的户号 {{ month }}账单已出，见附件。本期费用 {{ amount }}，不用再缴费。

查看账单：
{{ url }}

"""
        + _UNSUBSCRIBE["zh-hans"],
    ),
    (
        "bill_mail_paid",
        "en",
        "Your bill for {{ month }}, account ending in {{ account_tail }}",
        """Dear customer,

The bill for {{ month }} of the account ending in {{ account_tail }} is attached.
Its charges of {{ amount }} need no further payment.

See it here:
{{ url }}

"""
        + _UNSUBSCRIBE["en"],
    ),
]
