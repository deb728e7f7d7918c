"""What is said to whoever gives a consent. A changed text gets a new version; each change keeps what was read."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Purpose


@dataclass(frozen=True, slots=True)
class ConsentText:
    """`version` names the wording; `text` is what he agrees to, `without` what happens when he does not."""

    version: str
    text: Promise
    without: Promise


TEXTS: dict[str, ConsentText] = {
    Purpose.PROFILE: ConsentText(
        "PROFILE-1",
        _(
            "我同意贵公司保存我填写的职业、学历和兴趣，用来改进为我提供的服务。我可以随时撤回，撤回后这些资料立即删除。"
        ),
        _("不同意时，我们不保存您的职业、学历和兴趣，不影响任何业务。"),
    ),
    Purpose.MARKETING: ConsentText(
        "MARKETING-1",
        _("我同意接收优惠和新业务的短信与邮件。我可以随时撤回。"),
        _("不同意时，我们只发账单、缴费和安全等必要的通知。"),
    ),
    Purpose.PERSONAL: ConsentText(
        "PERSONAL-1",
        _("我同意贵公司按我使用的业务和缴费情况，为我推荐合适的套餐。价格和规则不因此改变。我可以随时撤回。"),
        _("不同意时，您看到的推荐与其他人一样。"),
    ),
}
