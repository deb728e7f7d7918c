"""The base of all staff pages: fast lists, quick search, and nothing from where one has no post.

Whoever looks sees what lies where his posts are (core.scopes): each page names the `region_path` of its rows, and what
lies elsewhere is not found, not counted and not acted on.

A list page never counts or searches beyond what an index gives: the search box takes one whole number (a bill, an
account, a phone), not words, and the count stops at `MOST_COUNTED`.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode

from core import audit, clock, reasoned, scopes
from core.actor import Actor
from core.reasoned import Reasoned

if TYPE_CHECKING:  # the theme has no types of its own; its classes add looks to these
    from django.contrib.admin import ModelAdmin, TabularInline

    BaseAdmin = ModelAdmin[Any]
    BaseInline = TabularInline[Any, Any]
else:
    from unfold.admin import ModelAdmin as BaseAdmin
    from unfold.admin import TabularInline as BaseInline

MOST_COUNTED = 10_000
_WHOLE = frozenset({"exact", "isnull", "isempty", "id"})  # how a column may be asked for in an address
MOST_PARENTS = 200  # rows of another table that one search term may lead through


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
    """Base of all staff pages. `reasoned` names what staff may do to these rows, always with a reason.

    `region_path` says where a row lies (core.scopes); every page names its own.
    """

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
    region_path: ClassVar[scopes.Path] = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows within the posts of who asks; lists, details, history, actions and look-ups all begin here."""
        return self.within(request, super().get_queryset(request), *self._asked_for(request))

    def _asked_for(self, request: HttpRequest) -> tuple[str, ...]:
        """What the page is for: on an action's, its permission, which does not need the one to look."""
        match = request.resolver_match
        if match is not None and match.url_name == reasoned.url_name(self.model):
            return tuple(act.permission for act in self.reasoned if act.name == match.kwargs.get("name"))
        return self.viewing()

    def within(self, request: HttpRequest, rows: QuerySet[Any], *permissions: str) -> QuerySet[Any]:
        """Those of the rows that lie where one of these permissions is held."""
        return scopes.narrow(rows, self.region_path, scopes.of(request.user, *permissions))

    def viewing(self) -> tuple[str, ...]:
        """The permissions that let somebody look at these rows."""
        label = f"{self.opts.app_label}.%s_{self.opts.model_name}"
        return (label % "view", label % "change")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """None for what lies elsewhere, which is answered as if it did not exist; that somebody asked is kept."""
        found = super().get_object(request, object_id, from_field)
        if found is None and request.user.is_authenticated:
            self._note_stranger(request, object_id)
        return found

    def _note_stranger(self, request: HttpRequest, object_id: str) -> None:
        try:
            key = self.opts.pk.to_python(object_id)
            is_there = self.model._base_manager.filter(pk=key).exists()
        except (ValueError, forms.ValidationError):
            return
        if is_there:
            refuse(request, subject=(self.opts.label, object_id), why="elsewhere")

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        raise Http404

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
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
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
    """The rows that belong to the object shown, newest last, twenty a page; without those that lie elsewhere.

    Where they lie is what their own page says; rows without a page of their own lie where the object does.
    """

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return scopes.seen(request.user, rows) if admin.site.is_registered(self.model) else rows

    extra = 0
    can_delete = False
    show_change_link = False
    per_page = 20
    hide_title = True


def refuse(request: HttpRequest, *, subject: tuple[str, str], why: str) -> None:
    """Keeps that this member of staff asked for what he may not have."""
    if not getattr(request.user, "is_staff", False):
        return
    audit.record(
        actor=Actor.user(request.user),
        action="staff.refused",
        subject=subject,
        detail={"why": why, "path": request.path[:200], "method": str(request.method)},
        address=reasoned.address(request),
        as_of=clock.now(),
    )
