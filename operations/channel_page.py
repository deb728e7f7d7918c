"""The staff's page of 渠道规范: each channel's checklist, as the registry of operations has it now."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from core import clock, scopes
from core.backoffice import ReadOnlyAdmin
from operations import channels
from operations.channels import Line
from operations.models import Slip

URL = "admin:operations_slip_channels"
COUNTED = timedelta(days=30)


def may_open(user: Any) -> bool:
    return bool(user.has_perm("operations.view_slip"))


class WithChannels(ReadOnlyAdmin):
    """The list of slips, with the page beside it."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.channels_view)
        return [path("channels/", view, name="operations_slip_channels"), *super().get_urls()]

    def channels_view(self, request: HttpRequest) -> HttpResponse:
        if not may_open(request.user):
            raise PermissionDenied
        slips = scopes.seen(request.user, Slip.objects.filter(started_at__gte=clock.now() - COUNTED))
        counts = dict(slips.order_by().values_list("channel").annotate(Count("pk")))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("渠道规范"),
            "days": COUNTED.days,
            "channels": [
                (each.channel.label, each.is_open, counts.get(each.channel.value, 0))
                for each in channels.STANDARDS
            ],
            "rows": [
                {"demand": lines[0].demand, "cells": [_cell(each) for each in lines]}
                for lines in channels.checklist()
            ],
        }
        return TemplateResponse(request, "backoffice/channel_standard.html", context)


def _cell(line: Line) -> dict[str, Any]:
    count = len(line.met)
    return {
        "name": line.standard.channel.label,
        "tone": line.tone,
        "is_unknown": line.is_unknown,
        "met": count,
        "of": count + len(line.unmet),
        "unmet": [each.title for each in line.unmet],
        "excused": [each.title for each in line.excused],
    }
