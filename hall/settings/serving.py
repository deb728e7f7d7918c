"""Serving customers: which pages staff see, and use, as the customer whom they serve; no others.

"*" stands for all addresses of a room. Never: his password and other security pages, tokens, codes, exports, links
that act for whoever holds them. And what looks for viruses in the files that are sent in.
"""

from hall.settings import env

UPLOAD_SCANNER = env.text("HALL_UPLOAD_SCANNER", "off")  # or "clamd:HOST:PORT"; production must say which

SERVING_SHOWN = frozenset(
    {
        "hall:*",
        "content:*",
        "operations:list",
        "operations:form",
        "operations:requests",
        "operations:slip",
        "accounts:profile",
        "accounts:accounts",
        "accounts:account",
        "accounts:consents",
        "arrears:*",
        "billing:bills",
        "billing:bill",
        "billing:bill_pdf",
        "billing:balance",
        "billing:email_subscriptions",
        "billing:pay",
        "billing:pay_other",
        "billing:cashier",
        "billing:payment",
        "billing:payment_status",
        "billing:receipts",
        "billing:receipt",
        "billing:receipt_pdf",
        "billing:refunds",
        "billing:refund",
        "catalog:next_bill",
        "catalog:advice",
        "resources:numbers",
        "upload",
        "api:operations",
        "api:requests",
        "api:request",
        "api:quote",
        "api:code",
        "api:submit",
    }
)
# The ways into operations: only here something can be done for him, and only with his code.
SERVING_POSTS = frozenset(
    {
        "operations:form",
        "billing:pay",
        "billing:pay_other",
        "resources:hold",
        "api:quote",
        "api:code",
        "api:submit",
    }
)
# The staff's own, as ever: their work pages, the display of this screen, the way out.
SERVING_OWN = frozenset(
    {
        "admin:*",
        "operations:serving_end",
        "hall:display",
        "set_language",
        "account_logout",
        "healthz",
        "readyz",
        "metrics",
    }
)
