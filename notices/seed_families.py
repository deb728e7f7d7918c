"""What people are told about families and groups: who pays for whom. `notices.seeds` puts it in."""

TEXTS = [
    (
        "family_invited",
        "zh-hans",
        "【网上营业厅】尾号 {{ payer_tail }} 的户号邀请尾号 {{ account_tail }} 的户号加入家庭共享，由对方付费，"
        "7 天内有效。请登录 {{ url }} 查看；不认识请忽略。",
    ),
    (
        "family_invited",
        "en",
        "[Online Hall] The account ending in {{ payer_tail }} offers to pay for the one ending in "
        "{{ account_tail }} as one family, for 7 days. Log in at {{ url }} to see it. "
        "If you do not know them, ignore this.",
    ),
    (
        "family_ended",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号自 {{ day }} 起不再属于原来的家庭或集团，费用由本户号自付。",
    ),
    (
        "family_ended",
        "en",
        "[Online Hall] From {{ day }} the account ending in {{ account_tail }} no longer belongs to its family "
        "or group and pays for itself.",
    ),
]
