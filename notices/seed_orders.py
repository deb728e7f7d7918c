"""What people are told about their orders and renewals. `notices.seeds` puts it in."""

TEXTS = [
    (
        "order_done",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号：{{ what }}，{{ outcome }}，{{ from }} 起生效，"
        "一次性费用 {{ amount }}，{{ term }}。订单 {{ number }}。",
    ),
    (
        "order_done",
        "en",
        "[Online Hall] Account ending in {{ account_tail }}: {{ what }}, {{ outcome }}, in effect from {{ from }}, "
        "at once {{ amount }}, {{ term }}. Order {{ number }}.",
    ),
    (
        "order_failed",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号：{{ what }}，{{ outcome }}，不收费，已付的金额退回账户余额。"
        "订单 {{ number }}。",
    ),
    (
        "order_failed",
        "en",
        "[Online Hall] Account ending in {{ account_tail }}: {{ what }}, {{ outcome }}. It costs nothing; what you "
        "paid is back as credit. Order {{ number }}.",
    ),
    (
        "order_waits_for_payment",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号：{{ what }} 已受理，请在 {{ until }} 前付款 {{ amount }}，"
        "付款后自动开通，逾期自动取消。订单 {{ number }}。",
    ),
    (
        "order_waits_for_payment",
        "en",
        "[Online Hall] Account ending in {{ account_tail }}: {{ what }} is accepted. Please pay {{ amount }} by "
        "{{ until }}; it starts when paid and is cancelled otherwise. Order {{ number }}.",
    ),
    (
        "renewal_ahead",
        "zh-hans",
        "【网上营业厅】尾号 {{ account_tail }} 的户号：{{ what }} 将于 {{ day }} 自动续订一期，费用 {{ amount }}，"
        "计入当月账单。不续订请在此之前退订：{{ url }}",
    ),
    (
        "renewal_ahead",
        "en",
        "[Online Hall] Account ending in {{ account_tail }}: {{ what }} is renewed for a further term on {{ day }}, "
        "at {{ amount }} on that month's bill. To stop it, cancel before then: {{ url }}",
    ),
]
