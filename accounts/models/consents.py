"""What a user lets us do with his data, purpose by purpose, and what he told us under such a consent."""

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models.users import User
from core.db import AppendOnly, Law, refuse


class Purpose(models.TextChoices):
    """What serving him needs is no matter of consent; these are, and the default of each is no."""

    PROFILE = "PROFILE", _("补充资料")
    MARKETING = "MARKETING", _("优惠和新业务通知")
    PERSONAL = "PERSONAL", _("按使用情况推荐")


class WipedFirst(Law):
    """The consent to the profile is withdrawn only once the details that it allowed are gone."""

    operation = pgtrigger.Insert

    def __init__(self, *, name: str) -> None:
        func = (
            "IF NEW.purpose <> 'PROFILE' OR NEW.is_given THEN RETURN NEW; END IF;"
            " PERFORM FROM accounts_user WHERE id = NEW.user_id FOR UPDATE;"
            " IF NOT EXISTS (SELECT FROM accounts_profiledetails WHERE user_id = NEW.user_id)"
            " THEN RETURN NEW; END IF; " + refuse(name, "the details go before the consent that allowed them")
        )
        super().__init__(name=name, func=func)


class WithConsent(Law):
    """Occupation, interests and education are held only while the newest word of the user on it is yes."""

    operation = pgtrigger.Insert | pgtrigger.Update

    def __init__(self, *, name: str) -> None:
        func = (
            "PERFORM FROM accounts_user WHERE id = NEW.user_id FOR UPDATE;"
            " IF (SELECT is_given FROM accounts_consentchange WHERE user_id = NEW.user_id AND purpose = 'PROFILE'"
            " ORDER BY id DESC LIMIT 1) THEN RETURN NEW; END IF; "
            + refuse(name, "these details need the user's consent to the profile")
        )
        super().__init__(name=name, func=func)


class ConsentChange(models.Model):
    """The user said yes or no to one purpose. The newest row of a purpose counts; without one it is no."""

    user = models.ForeignKey(
        User, verbose_name=_("用户"), on_delete=models.PROTECT, related_name="consent_changes"
    )
    purpose = models.CharField(_("用途"), max_length=12, choices=Purpose.choices)
    is_given = models.BooleanField(_("同意"))
    text_version = models.CharField(_("文本版本"), max_length=20)  # see accounts.consent_texts
    text = models.CharField(_("文本"), max_length=500, blank=True, default="")  # as he read it
    channel = models.CharField(_("渠道"), max_length=10)  # as on slips
    slip_number = models.CharField(
        _("受理编号"), max_length=32, blank=True, default=""
    )  # empty: not by a slip of its own (the login was closed)
    actor = models.CharField(_("操作人"), max_length=80)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("授权记录")
        verbose_name_plural = pgettext_lazy("plural", "授权记录")
        indexes = [models.Index(fields=["user", "purpose", "-id"], name="consent_newest")]
        triggers = [
            AppendOnly(name="consent_change_append_only"),
            WipedFirst(name="consent_details_wiped_first"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.purpose} {'yes' if self.is_given else 'no'}"


class Occupation(models.TextChoices):
    EMPLOYEE = "EMPLOYEE", _("企业职员")
    PUBLIC = "PUBLIC", _("公务或事业单位")
    TEACHER = "TEACHER", _("教师")
    MEDICAL = "MEDICAL", _("医护")
    SELF_EMPLOYED = "SELF_EMPLOYED", _("个体或自由职业")
    FARMER = "FARMER", _("务农")
    STUDENT = "STUDENT", _("学生")
    RETIRED = "RETIRED", _("退休")
    OTHER = "OTHER", _("其他职业")


class Education(models.TextChoices):
    MIDDLE = "MIDDLE", _("初中及以下")
    HIGH = "HIGH", _("高中或中专")
    COLLEGE = "COLLEGE", _("大专")
    BACHELOR = "BACHELOR", _("本科")
    MASTER = "MASTER", _("研究生及以上")


class Interest(models.TextChoices):
    NEWS = "NEWS", _("新闻时政")
    FILM = "FILM", _("电影电视剧")
    SPORT = "SPORT", _("体育")
    CHILDREN = "CHILDREN", _("少儿")
    OPERA = "OPERA", _("戏曲")
    MUSIC = "MUSIC", _("音乐")
    GAMES = "GAMES", _("游戏")
    HEALTH = "HEALTH", _("健康养生")


class ProfileDetails(models.Model):
    """What a user told of himself under the PROFILE consent; withdrawing it deletes the row."""

    user = models.OneToOneField(
        User, verbose_name=_("用户"), on_delete=models.CASCADE, related_name="profile_details"
    )
    occupation = models.CharField(
        _("职业"), max_length=16, choices=Occupation.choices, blank=True, default=""
    )  # empty: not told
    education = models.CharField(
        _("学历"), max_length=10, choices=Education.choices, blank=True, default=""
    )  # empty: not told
    interests = models.JSONField(_("兴趣"), default=list, blank=True)  # codes of Interest
    updated_at = models.DateTimeField(_("更新时间"))

    class Meta:
        verbose_name = _("补充资料")
        verbose_name_plural = pgettext_lazy("plural", "补充资料")
        triggers = [WithConsent(name="profile_details_need_consent")]

    def __str__(self) -> str:
        return f"{self.user_id}"
