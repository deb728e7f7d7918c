"""Wires the staff side: our first page, and no pages for what the packages bring along."""

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from knox.models import AuthToken

from core import clock, scopes
from core.admin import HeartbeatAdmin
from core.models import AuditRow, Heartbeat
from hall.audit_trail import AuditTrail
from hall.upkeep import status

admin.site.index_template = "backoffice/dashboard.html"
for model in (EmailAddress, EmailConfirmation, Authenticator, UserSession, AuthToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class WithStatus(HeartbeatAdmin):
    """The list of heartbeats, with the page that tells how everything is beside it."""

    region_path = None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.status_view)
        return [path("status/", view, name="core_heartbeat_status"), *super().get_urls()]

    def status_view(self, request: HttpRequest) -> HttpResponse:
        """For whoever may see the heartbeats; it tells of the whole hall and of no customer."""
        if not scopes.of(request.user, *self.viewing()).is_everything:
            raise PermissionDenied
        as_of = clock.now()
        sections = status.read(as_of=as_of)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("运行状态"),
            "as_of": as_of,
            "sections": sections,
            "open": status.not_well(sections),
            "worst": status.worst(sections),
        }
        return TemplateResponse(request, "backoffice/status.html", context)


admin.site.unregister(Heartbeat)
admin.site.register(Heartbeat, WithStatus)
admin.site.unregister(AuditRow)
admin.site.register(AuditRow, AuditTrail)
