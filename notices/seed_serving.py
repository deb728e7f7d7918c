"""What a customer is told while a member of staff acts for him, as `notices.seeds` puts it in."""

TEXTS = [
    (
        "serving_code",
        "zh-hans",
        "【网上营业厅】工号 {{ clerk }} 的工作人员正在为您办理“{{ what }}”，验证码 {{ code }}，"
        "{{ minutes }} 分钟内有效。同意办理才告诉他；如非您要求，请勿告知，并致电 {{ help_line }}。",
    ),
    (
        "serving_code",
        "en",
        '[Online Hall] Staff member {{ clerk }} is doing "{{ what }}" for you. Code {{ code }}, valid for '
        "{{ minutes }} minutes. Tell it only if you agree. If you did not ask for this, tell nobody and call "
        "{{ help_line }}.",
    ),
    (
        "served",
        "zh-hans",
        "【网上营业厅】工号 {{ clerk }} 的工作人员已为您办理“{{ what }}”，受理单号 {{ number }}。"
        "如非您同意，请立即致电 {{ help_line }}。",
    ),
    (
        "served",
        "en",
        '[Online Hall] Staff member {{ clerk }} has done "{{ what }}" for you. Request {{ number }}. '
        "If you did not agree to this, call {{ help_line }} at once.",
    ),
]
MAILS = [
    (
        "served",
        "zh-hans",
        "工作人员已为您办理业务",
        """您好：

工号 {{ clerk }} 的工作人员已为您办理“{{ what }}”，受理单号 {{ number }}。办理前已用您手机收到的验证码确认。

登录网上营业厅，在“我的办理”里可以看到这张受理单。

如非您同意，请立即致电 {{ help_line }}。

本邮件由系统发出，请勿回复。""",
    ),
    (
        "served",
        "en",
        "A member of our staff did something for you",
        """Hello,

Staff member {{ clerk }} has done "{{ what }}" for you. Request {{ number }}. It was confirmed with the code that we
sent to your phone.

Log in to the online hall to see the request under "My requests".

If you did not agree to this, call {{ help_line }} at once.

This mail was sent automatically. Please do not reply.""",
    ),
]
