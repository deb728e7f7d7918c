"""What people are told about terms that end, and about pauses. `notices.seeds` puts it in."""

# As in seed_arrears: code, title and text in Chinese, title and text in English.
TOLD = [
    (
        "term_ending",
        "合约或优惠即将到期",
        "尾号 {{ account_tail }} 的户号：{{ what }} 将于 {{ day }} 到期。到期后怎样收费、怎样续约或退订，请看："
        "{{ url }}",
        "A term ends soon",
        "Account ending in {{ account_tail }}: {{ what }} ends on {{ day }}. See what it costs after that, and how to "
        "renew or cancel it: {{ url }}",
    ),
    (
        "term_offer",
        "到期续约优惠",
        "尾号 {{ account_tail }} 的户号：{{ what }} 将于 {{ day }} 到期，续约优惠请看 {{ url }}。"
        "不想再收到此类信息，退订：{{ way_out }}",
        "Offers for your next term",
        "Account ending in {{ account_tail }}: {{ what }} ends on {{ day }}. Offers for the next term: {{ url }} "
        "No more of these messages: {{ way_out }}",
    ),
    (
        "pause_begun",
        "停机保号已生效",
        "尾号 {{ account_tail }} 的户号：{{ service }} 自 {{ day }} 起停机保号，费用 {{ amount }}，"
        "{{ resume_on }} 自动复机。需要提前复机：{{ url }}",
        "Your pause has begun",
        "Account ending in {{ account_tail }}: {{ service }} is paused from {{ day }}, at {{ amount }}, and comes back "
        "by itself on {{ resume_on }}. To have it back before: {{ url }}",
    ),
    (
        "pause_ending",
        "停机保号即将到期",
        "尾号 {{ account_tail }} 的户号：{{ service }} 的停机保号将到期，{{ resume_on }} 自动复机并恢复收费。"
        "延长或退订：{{ url }}",
        "Your pause ends soon",
        "Account ending in {{ account_tail }}: the pause of {{ service }} ends. It is back, and charged again, on "
        "{{ resume_on }}. To change that: {{ url }}",
    ),
    (
        "pause_ended",
        "停机保号已结束",
        "尾号 {{ account_tail }} 的户号：{{ service }} 已于 {{ day }} 复机，恢复收费。如非您的安排，请联系客服。",
        "Your pause has ended",
        "Account ending in {{ account_tail }}: {{ service }} is back since {{ day }} and charged again. If you did "
        "not mean this, please contact us.",
    ),
    (
        "large_bill",
        "大额账单提醒",
        "尾号 {{ account_tail }} 的户号 {{ month }}账单为 {{ amount }}，超过前三个月平均（{{ mean }}）的 5 倍，"
        "特此提醒。请登录网上营业厅查看原因；觉得不对，可以在账单页提出异议。",
        "A large bill",
        "The {{ month }} bill of the account ending in {{ account_tail }} is {{ amount }}, more than 5 times the mean "
        "of the three months before ({{ mean }}). See why in the online hall; you can dispute it there.",
    ),
]
