"""Why this room rejects rows of an import, where bills and receipts share the reason."""

from django.utils.translation import gettext_lazy as _

from core.imports.rejects import Reason

UNKNOWN_ACCOUNT = Reason("UNKNOWN_ACCOUNT", _("没有这个户号"))
DUE_BEFORE_ISSUED = Reason("DUE_BEFORE_ISSUED", _("缴费截止日早于出账日"))
ITEMS_DIFFER = Reason("ITEMS_DIFFER", _("明细合计与账单金额不一致"))
UNKNOWN_BILL = Reason("UNKNOWN_BILL", _("没有这张账单"))
PAID_IN_FUTURE = Reason("PAID_IN_FUTURE", _("支付时间晚于今天"))
OTHER_ACCOUNT = Reason("OTHER_ACCOUNT", _("这张账单属于另一个户号"))
