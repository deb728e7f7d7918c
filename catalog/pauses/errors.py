"""Why something is not paused or resumed. Each has a code; nothing was changed."""

from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, HallError


class NotOffered(Conflict):
    code = "PAUSE_NOT_OFFERED"
    message = _("您所在的地区现在不能在网上办理停机保号，请到营业厅咨询")


class BadDays(HallError):
    code = "PAUSE_DAYS"
    message = _("停机保号最短 %(least)s 天、最长 %(most)s 天，请选择 %(first)s 至 %(last)s 之间的复机日")
    status = 422


class TooOften(Conflict):
    code = "PAUSE_TOO_OFTEN"
    message = _("这项业务 %(year)s 年已经停机保号 %(times)s 次，达到每年上限")


class Committed(Conflict):
    code = "PAUSE_COMMITTED"
    message = _("这项业务在合约期内，%(day)s 前不能停机保号")


class Overdue(Conflict):
    code = "PAUSE_BILLS_OVERDUE"
    message = _("户号 %(account)s 有逾期未缴的账单，请先缴清再办理停机保号")


class AlreadyOff(Conflict):
    code = "PAUSE_ALREADY_OFF"
    message = _("这项业务已经停用（%(reason)s），不能停机保号")


class ContactNeeded(Conflict):
    code = "PAUSE_CONTACT_NEEDED"
    message = _("停机后要能找到您：请留下另一个手机或邮箱，我们发验证码到那里确认。不能只留停机的这个号码")


class ContactNotNeeded(Conflict):
    code = "PAUSE_CONTACT_NOT_NEEDED"
    message = _("这个户号验证过的联系方式已经够了，请把“另一个手机或邮箱”留空")


class NotPaused(Conflict):
    code = "PAUSE_NOT_PAUSED"
    message = _("这项业务没有停机保号")


class BadPolicy(HallError):
    code = "PAUSE_POLICY_DAYS"
    message = _("最短天数至少为 1，最长天数不能少于最短天数")


class PolicyNotAhead(HallError):
    code = "PAUSE_POLICY_IN_THE_PAST"
    message = _("规则只能从明天或更晚的日子开始生效或失效，并在生效之后失效")


class PolicyOverlaps(Conflict):
    code = "PAUSE_POLICY_OVERLAPS"
    message = _("同一区域、同一客户类型在这段日子里已有排定的规则，请先结束它")


class PolicyIncomplete(HallError):
    code = "PAUSE_POLICY_INCOMPLETE"
    message = _("申请的内容不完整，请驳回后重新提交")
