"""What people are told about themselves: members, contacts, log-ins, data. `notices.seeds` puts it in."""

TEXTS = [
    (
        "member_invited",
        "zh-hans",
        "【网上营业厅】{{ inviter }} 邀请您共同使用尾号 {{ account_tail }} 的户号，{{ days }} 天内有效。"
        "请用本手机号登录 {{ url }} 查看；不认识请忽略。",
    ),
    (
        "member_invited",
        "en",
        "[Online Hall] {{ inviter }} invites you to the account ending in {{ account_tail }}, for {{ days }} days. "
        "Log in with this number at {{ url }} to see it. If you do not know them, ignore this.",
    ),
    (
        "member_removed",
        "zh-hans",
        "【网上营业厅】您已不再是尾号 {{ account_tail }} 户号的成员。如有疑问请联系户主或致电客服。",
    ),
    (
        "member_removed",
        "en",
        "[Online Hall] You are no longer a member of the account ending in {{ account_tail }}. "
        "Ask its owner or call us with any question.",
    ),
    (
        "owner_left",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号已没有户主在网上营业厅绑定，账单照常产生。"
        "需要时可用本手机号重新绑定；如非您同意，请联系客服。",
    ),
    (
        "owner_left",
        "en",
        "[Online Hall] Nobody owns the account ending in {{ account_tail }} online any more; bills go on. "
        "Link it again with this number at any time. If you did not agree to this, please contact us.",
    ),
    (
        "contact_added",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号新增联系方式 {{ contact }}。如非您或家人办理，请立即联系客服。",
    ),
    (
        "contact_added",
        "en",
        "[Online Hall] {{ contact }} was added as a contact of the account ending in {{ account_tail }}. "
        "If this was not you, please contact us at once.",
    ),
    (
        "contact_primary",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 户号的主要联系方式改为 {{ contact }}。"
        "如非您或家人办理，请立即联系客服。",
    ),
    (
        "contact_primary",
        "en",
        "[Online Hall] The main contact of the account ending in {{ account_tail }} is now {{ contact }}. "
        "If this was not you, please contact us at once.",
    ),
    (
        "contact_removed",
        "zh-hans",
        "【网上营业厅】{{ contact }} 已不再是尾号 {{ account_tail }} 户号的联系方式。"
        "如非您或家人办理，请立即联系客服。",
    ),
    (
        "contact_removed",
        "en",
        "[Online Hall] {{ contact }} is no longer a contact of the account ending in {{ account_tail }}. "
        "If this was not you, please contact us at once.",
    ),
    (
        "post_address_changed",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 户号的通信地址已修改。如非您或家人办理，请联系客服。",
    ),
    (
        "post_address_changed",
        "en",
        "[Online Hall] The postal address of the account ending in {{ account_tail }} was changed. "
        "If this was not you, please contact us.",
    ),
    (
        "data_export_ready",
        "zh-hans",
        "【网上营业厅】您申请的个人数据副本已准备好，{{ days }} 天内可登录 {{ url }} 在“我的数据”下载，过期清除。",
    ),
    (
        "data_export_ready",
        "en",
        '[Online Hall] The copy of your data is ready. Log in at {{ url }} and download it under "My data" within '
        "{{ days }} days; then it is deleted.",
    ),
    (
        "login_closing",
        "zh-hans",
        "【网上营业厅】已收到您注销登录账户的申请，{{ days }} 天后生效。期间登录一次即视为撤回。"
        "如非您本人申请，请立即登录。",
    ),
    (
        "login_closing",
        "en",
        "[Online Hall] Your login will be closed in {{ days }} days, as you asked. Logging in before then takes it "
        "back. If you did not ask for it, log in now.",
    ),
    (
        "login_closing_blocked",
        "zh-hans",
        "【网上营业厅】您的登录账户没有注销：有未缴的账单、未办结的退款或余额。请登录处理后重新申请。",
    ),
    (
        "login_closing_blocked",
        "en",
        "[Online Hall] Your login was not closed: there is an unpaid bill, an open refund or credit. Please log in, "
        "settle it and ask again.",
    ),
    (
        "login_closed",
        "zh-hans",
        "【网上营业厅】您的登录账户已注销，个人资料已删除。户号、账单和合同不受影响。",
    ),
    (
        "login_closed",
        "en",
        "[Online Hall] Your login is closed and your personal details are deleted. Accounts, bills and contracts "
        "stay as they are.",
    ),
    (
        "password_reset",
        "zh-hans",
        "【网上营业厅】您的登录密码已重设，所有设备已退出登录。如非本人操作，请立即致电 {{ help_line }}。",
    ),
    (
        "password_reset",
        "en",
        "[Online Hall] Your password was reset and all devices were logged out. If this was not you, call "
        "{{ help_line }} at once.",
    ),
    (
        "new_device",
        "zh-hans",
        "【网上营业厅】您的账户于 {{ at }} 在新设备（{{ device }}）登录。"
        "如非本人操作，请立即修改密码或致电 {{ help_line }}。",
    ),
    (
        "new_device",
        "en",
        "[Online Hall] Your login was used on a new device ({{ device }}) at {{ at }}. If this was not you, change "
        "your password now or call {{ help_line }}.",
    ),
    (
        "phone_changed",
        "zh-hans",
        "【网上营业厅】您的登录手机号已改为 {{ phone }}，本号码不能再登录。"
        "如非您本人操作，请立即致电 {{ help_line }}。",
    ),
    (
        "phone_changed",
        "en",
        "[Online Hall] You now log in with {{ phone }}, and no longer with this number. If this was not you, call "
        "{{ help_line }} at once.",
    ),
]
_AUTOMATIC = {
    "zh-hans": "本邮件由系统发出，请勿回复。",
    "en": "This mail was sent automatically. Please do not reply.",
}
_TITLES = {
    "contact_added": ("户号联系方式有变动", "A contact of your account has changed"),
    "contact_primary": ("户号联系方式有变动", "A contact of your account has changed"),
    "contact_removed": ("户号联系方式有变动", "A contact of your account has changed"),
}
# E-mails: code, language, title, body. Contacts may be mailboxes, and are told what phones are told.
MAILS = [
    (code, language, _TITLES[code][language == "en"], f"{body}\n\n{_AUTOMATIC[language]}")
    for code, language, body in TEXTS
    if code in _TITLES
] + [
    (
        "verification_code",
        "zh-hans",
        "验证码",
        "您的验证码是 {{ code }}，{{ minutes }} 分钟内有效。工作人员不会向您索要，请勿告诉他人。\n\n"
        + _AUTOMATIC["zh-hans"],
    ),
    (
        "verification_code",
        "en",
        "Your code",
        "Your code is {{ code }}, valid for {{ minutes }} minutes. Our staff never ask for it.\n\n"
        + _AUTOMATIC["en"],
    ),
]
