"""The few things that staff edit by hand: always with a reason, kept with what was before and what is now."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from core import audit, clock, reasoned, scopes
from core.actor import Actor
from core.staff_pages import StaffAdmin


class ReasonForm(forms.ModelForm[Any]):
    """Adds the required reason to a staff form."""

    reason = forms.CharField(
        label=_("原因"), min_length=2, max_length=300, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )


_CHANGES = "hall.changes"  # where a request keeps them between the form and the audit row
_NEVER_TOLD = ("password", "reason")


def changes_of(form: Any) -> dict[str, list[Any]]:
    """Each field that was changed: what it held and what it holds now, as plain values. Passwords stay untold."""
    return {
        name: [_plain(form.initial.get(name)), _plain(form.cleaned_data.get(name))]
        for name in form.changed_data
        if not any(word in name for word in _NEVER_TOLD)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, QuerySet | list | tuple | set):
        return sorted((_plain(each) for each in value), key=str)
    return value if value is None or isinstance(value, bool | int) else str(value)


class SuperuserOnly:
    """Whoever may change this could give himself any right: superusers only."""

    def rights(self) -> tuple[str, ...]:
        return ("view",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


class EditableAdmin(StaffAdmin):
    """Few things are edited by hand; each change asks for a reason and leaves an audit row."""

    form: type[forms.ModelForm[Any]] = ReasonForm

    def rights(self) -> tuple[str, ...]:
        return ("view", "add", "change")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        own = [
            (title, {**options, "fields": [name for name in options["fields"] if name != "reason"]})
            for title, options in super().get_fieldsets(request, obj)
        ]
        may_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return [*own, (_("原因"), {"fields": ["reason"]})] if may_write else own

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what is wrong is put right, and both stay in the audit trail

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self.may_write(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self.may_write(request, "change", obj)

    def may_write(self, request: HttpRequest, verb: str, row: Any = None) -> bool:
        """What is nobody's in particular is written by the whole operator's staff, a region's row by its own staff."""
        scope = scopes.of(request.user, f"{self.opts.app_label}.{verb}_{self.opts.model_name}")
        if scope.is_everything:
            return True
        if not isinstance(self.region_path, str) or scope.is_empty:
            return False
        if row is None:
            return True
        own: QuerySet[Any] = self.model._base_manager.filter(pk=row.pk)
        return scopes.narrow(own, self.region_path, scope).exists()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The rows that may be named are those that may be seen; the region of a row, where it may be written."""
        if "queryset" not in kwargs and admin.site.is_registered(db_field.related_model):
            kwargs["queryset"] = self._nameable(db_field, request)
        field: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and db_field.name == self.region_path and not self._writes_everything(request):
            field.required = True
        return field

    def _nameable(self, db_field: Any, request: HttpRequest) -> QuerySet[Any]:
        rows = db_field.related_model._default_manager.all()
        if db_field.name != self.region_path:
            return scopes.seen(request.user, rows)
        return scopes.narrow(rows, scopes.path_of(rows.model), self._writing(request))

    def _writing(self, request: HttpRequest) -> scopes.Scope:
        label = f"{self.opts.app_label}.%s_{self.opts.model_name}"
        return scopes.of(request.user, label % "add", label % "change")

    def _writes_everything(self, request: HttpRequest) -> bool:
        return self._writing(request).is_everything

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """Django's message; beside it, for the audit trail, what each field held before and holds now."""
        request.META[_CHANGES] = changes_of(form)
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._audit(request, obj, "added", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._audit(request, obj, "changed", message)
        return super().log_change(request, obj, message)

    def _audit(self, request: HttpRequest, row: Any, verb: str, message: Any) -> None:
        audit.record(
            actor=Actor.user(request.user),
            action=f"{self.opts.label_lower}.{verb}",
            subject=row,
            reason=request.POST.get("reason", ""),
            detail={
                "changes": message if isinstance(message, list) else [str(message)],
                "values": request.META.pop(_CHANGES, {}),
            },
            address=reasoned.address(request),
            as_of=clock.now(),
        )
