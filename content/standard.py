"""The standard of a hall (营业厅规范): what a check goes through, and what each item counts. Sums to 100."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Item:
    code: str
    title: str | Promise
    points: int


ITEMS = (
    Item("hours", _("营业时间公示清楚，按时开门关门"), 10),
    Item("tariffs", _("资费、业务说明公示齐全，没有过期内容"), 15),
    Item("certificates", _("营业员佩戴工号牌，持证上岗"), 10),
    Item("greeting", _("主动问候，用语规范"), 10),
    Item("queue", _("有叫号或排队引导，高峰有人疏导"), 10),
    Item("first_asked", _("首问负责，不推诿"), 15),
    Item("slips", _("办理业务有受理单并请客户确认"), 10),
    Item("clean", _("环境整洁，设备完好"), 5),
    Item("barrier_free", _("无障碍通道、老花镜等便民设施可用"), 5),
    Item("complaints", _("投诉渠道公示，意见簿有回复"), 10),
)


def score(kept: dict[str, bool]) -> int:
    """Points of 100 for the items that are kept; an item that was not looked at counts as not kept."""
    return sum(item.points for item in ITEMS if kept.get(item.code))
