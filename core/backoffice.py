"""What the staff pages of all rooms share: fast lists, quick search, masked addresses, amounts in yuan, reasons.

A list page never counts or searches beyond what an index gives: the search box takes one whole number (a bill, an
account, a phone), not words, and the count stops at `MOST_COUNTED`.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin import ListFilter
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from core import audit, clock, money, reasoned
from core.actor import Actor
from core.reasoned import Reasoned

if TYPE_CHECKING:  # the theme has no types of its own; its classes add looks to these
    from django.contrib.admin import ModelAdmin, TabularInline

    BaseAdmin = ModelAdmin[Any]
    BaseInline = TabularInline[Any, Any]
else:
    from unfold.admin import ModelAdmin as BaseAdmin
    from unfold.admin import TabularInline as BaseInline

__all__ = [
    "EditableAdmin",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "StaffAdmin",
    "SuperuserOnly",
    "WhenFilter",
    "amount",
    "badge",
    "known_values",
    "mask",
    "masked",
    "moment",
]
MOST_COUNTED = 10_000
_WHOLE = frozenset({"exact", "isnull", "id"})  # how a column may be asked for in an address
MOST_PARENTS = 200  # rows of another table that one search term may lead through
Column = Callable[[Any, Any], Any]

TONES = {"ok": "success", "wait": "info", "warn": "warning", "bad": "danger"}  # ours → the theme's


def mask(address: str) -> str:
    """138****0001 for a phone, w***@example.com for an e-mail: enough to recognise, too little to use."""
    if not address:
        return ""
    name, at, domain = address.partition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    digits = address.removeprefix("+86")
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) >= 8 else "****"


def amount(field: str, title: Any) -> Column:
    """A column that shows an amount in fen as ¥26.00."""

    def column(self: Any, row: Any) -> str | None:
        cents = getattr(row, field)
        return None if cents is None else money.display(cents)

    return _column(column, field, title)


def masked(field: str, title: Any) -> Column:
    """A column that shows a phone or an e-mail masked."""

    def column(self: Any, row: Any) -> str:
        return mask(getattr(row, field) or "")

    return _column(column, field, title)


def moment(field: str, title: Any) -> Column:
    """A column that shows an instant as 2026-11-03 09:30:00, local time: sorts by eye, fits a narrow screen."""

    def column(self: Any, row: Any) -> str | None:
        at = when(getattr(row, field))
        return at and format_html('<span class="backoffice-when">{}</span>', at)

    return _column(column, field, title)


def badge(field: str, title: Any, tones: dict[str, str]) -> Column:
    """A column that shows a state as a coloured label; `tones` maps states to ok | wait | warn | bad."""

    def column(self: Any, row: Any) -> tuple[str, str]:
        return getattr(row, field), getattr(row, f"get_{field}_display")()

    labels = {state: TONES[tone] for state, tone in tones.items()}
    shown: Column = display(description=title, ordering=field, label=labels)(column)
    return shown


def when(at: datetime | None) -> str | None:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S") if at else None


def _column(column: Column, field: str, title: Any) -> Column:
    shown: Column = display(description=title, ordering=field)(column)
    return shown


class CappedPaginator(Paginator[Any]):
    """Counts at most `MOST_COUNTED` rows; whoever needs a row further back narrows the list instead."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_COUNTED].count())


class ExactSearch:
    """The search box takes one whole term and asks indexes only.

    `search_fields` holds lookups on the model's own columns ("number", "number__startswith") and on one related
    model ("account__number"): there the parents are found first, because an OR across two tables uses no index.
    """

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = self.search_term(search_term.strip()[:100])
        if not term:
            return queryset, False
        found = Q(pk__in=[])
        for lookup in self.get_search_fields(request):  # type: ignore[attr-defined]
            found |= self._matching(queryset.model, lookup, term)
        return queryset.filter(found), False

    def search_term(self, text: str) -> str:
        """The term as the columns hold it; rooms that know phones override it."""
        return text

    def _matching(self, model: type[Model], lookup: str, term: str) -> Q:
        head, _sep, rest = lookup.partition("__")
        parent = model._meta.get_field(head).related_model
        if parent is None or isinstance(parent, str) or not rest:
            return Q(**{lookup: term})
        keys = parent._default_manager.filter(**{rest: term}).values_list("pk", flat=True)
        return Q(**{f"{head}__in": list(keys[:MOST_PARENTS])})


class StaffAdmin(ExactSearch, BaseAdmin):
    """Base of all staff pages. `reasoned` names what staff may do to these rows, always with a reason."""

    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    paginator = CappedPaginator
    list_filter_submit = True
    list_disable_select_all = True
    show_facets = admin.ShowFacets.NEVER  # a count per choice would read the whole table
    change_form_before_template = "backoffice/actions.html"
    empty_value_display = "—"
    reasoned: ClassVar[tuple[Reasoned, ...]] = ()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if any("\0" in value for values in request.GET.lists() for value in values[1]):
            raise BadRequest("NUL in a filter")  # PostgreSQL cannot be asked for it
        return super().changelist_view(request, extra_context)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Whole values only: parts of one would read the whole table, and spell out what the page masks."""
        name, *how = lookup.split("__")
        if name in {field.name for field in self.opts.get_fields()} and not _WHOLE.issuperset(how):
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]  # the stubs want a request

    def get_urls(self) -> list[URLPattern]:
        page = path(
            "act/<slug:name>/", self.admin_site.admin_view(self.act_view), name=reasoned.url_name(self.model)
        )
        return [page, *super().get_urls()]

    def act_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """The page that asks for the reason and then acts."""
        return reasoned.page(self, request, name)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)  # nobody deletes in bulk
        return actions | {
            act.name: (reasoned.choose(act), act.name, act.title) for act in reasoned.for_many(self, request)
        }

    def rights(self) -> tuple[str, ...]:
        """The permissions that mean something here; "change" opens the actions."""
        return ("view", "change") if self.reasoned else ("view",)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What staff did to this row is in the audit trail, the one place for it."""
        row = self.get_object(request, object_id)
        if row is None or not self.has_view_permission(request, row):
            raise PermissionDenied
        query = urlencode({"object_type": self.opts.label, "object_id": row.pk})
        return HttpResponseRedirect(f"{reverse('admin:core_auditrow_changelist')}?{query}")

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context["reasoned_actions"] = reasoned.buttons(self, request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)


class ReadOnly:
    """Looking only: what is shown here is changed by services, never by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, StaffAdmin):
    """A list and a detail page; add, change and delete answer 403. "Change" permission opens the `reasoned` actions."""


class ReadOnlyInline(ReadOnly, BaseInline):
    """The rows that belong to the object shown, newest last, twenty a page."""

    extra = 0
    can_delete = False
    show_change_link = False
    per_page = 20
    hide_title = True


class ReasonForm(forms.ModelForm[Any]):
    """Adds the required reason to a staff form."""

    reason = forms.CharField(
        label=_("原因"), min_length=2, max_length=300, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )


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
            detail={"changes": message if isinstance(message, list) else [str(message)]},
            address=reasoned.address(request),
            as_of=clock.now(),
        )


class WhenFilter(RangeDateFilter):  # type: ignore[misc]  # the theme has no types
    """From day … to day …, both included, as days where the customers live."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = (self._midnight(end) for end in ("from", "to"))
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": first})
        if last:
            queryset = queryset.filter(**{f"{self.field_path}__lt": last + timedelta(days=1)})
        return queryset

    def _midnight(self, end: str) -> datetime | None:
        try:  # as the calendar beside the field writes it, which depends on the reader's language
            day = forms.DateField().to_python(self.used_parameters.get(f"{self.field_path}_{end}"))
        except forms.ValidationError:
            return None
        return datetime.combine(day, time.min, tzinfo=clock.SHANGHAI) if day and day < date.max else None


def known_values(field: str, title: Any, values: Callable[[], Iterable[tuple[str, Any]]]) -> type[ListFilter]:
    """A list filter over values that the code knows: reading them from the table would scan all of it."""

    class KnownValues(admin.SimpleListFilter):
        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
            return list(values())

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{field: self.value()}) if self.value() else queryset

    KnownValues.title = title
    KnownValues.parameter_name = field
    return KnownValues
