"""What the pages of the console share: lists that stay fast, filters, results of actions."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import connection
from django.db.models import Case, Model, QuerySet, Subquery, When
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from blog.errors import BlogError, WrongState
from imagegen.errors import ImagegenError, InvalidTransition, NotPermitted
from imagegen.models import ImageOutput, ImageSlot
from imagegen.services.access import may
from prompts.models import Role

COUNTED = 10_000
SHOWN_REASONS = 3


class AtLeast(int):
    """A count that stopped counting; it is written as such."""

    def __str__(self) -> str:
        return f"{COUNTED:,}+"


class IdsFirstPaginator(Paginator):
    """Pages of a table that grows: keys first, then the rows of one page with all they need.

    Rows under a filter are counted up to ten thousand. On PostgreSQL the size of a large table
    is the planner's estimate, since counting it takes longer than the page.
    """

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if not rows.query.where:
            return rows.count() if connection.vendor == "sqlite" else _count_or_estimate(rows.model)
        counted = rows.order_by()[: COUNTED + 1].count()
        return AtLeast(counted) if counted > COUNTED else counted

    def page(self, number: int | str) -> Page:
        number = self.validate_number(number)
        bottom = (number - 1) * self.per_page
        top = min(bottom + self.per_page, max(self.count, bottom))
        keys = list(self.object_list.values_list("pk", flat=True)[bottom:top])
        rows = list(self.object_list.filter(pk__in=keys)) if keys else []
        return self._get_page(rows, number, self)


def _count_or_estimate(model: type[Model]) -> int:
    """The rows of a table on PostgreSQL; of a large one what the planner believes it to hold."""
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            # The name comes from the model; the count runs only if the estimate is small.
            "SELECT CASE WHEN reltuples > %s THEN reltuples::bigint "  # noqa: S608
            f"ELSE (SELECT count(*) FROM {table}) END "
            "FROM pg_class WHERE oid = %s::regclass",
            [COUNTED, table],
        )
        return cursor.fetchone()[0]


def one_picture_each(rows: QuerySet, pictures: QuerySet) -> QuerySet[ImageOutput]:
    """The first of `pictures`, a queryset that refers to its outer row, for each of `rows`.

    However many images hang on a row, one is read.
    """
    keys = rows.order_by().annotate(picture=Subquery(pictures.values("pk")[:1]))
    return ImageOutput.objects.filter(pk__in=keys.values("picture"))


def pictures_of(slot: ImageSlot) -> QuerySet[ImageOutput]:
    """The images of a place as they are judged: the chosen one, what waits, the rest."""
    rank = Case(
        When(pk=slot.choice_id or 0, then=0),
        When(state=ImageOutput.State.CANDIDATE, then=1),
        When(state=ImageOutput.State.APPROVED, then=2),
        default=3,
    )
    return slot.outputs.order_by(rank, "-pk")


class DecoratedChangeList(ChangeList):
    """A list whose admin fetches, for the rows of one page, what their columns need."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        self.model_admin.decorate(self.result_list)


class PeriodFilter(admin.SimpleListFilter):
    """The last day, week or month, by an indexed time; asks the database nothing to draw."""

    title = "date"
    parameter_name = "since"
    field = "created_at"
    DAYS = {"day": 1, "week": 7, "month": 31}

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [("day", "Last 24 hours"), ("week", "Last 7 days"), ("month", "Last 31 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        days = self.DAYS.get(self.value() or "")
        if days is None:
            return queryset
        return queryset.filter(**{f"{self.field}__gte": timezone.now() - timedelta(days=days)})


class ProviderFilter(admin.SimpleListFilter):
    """The name kept in the row itself, offered from the few configured providers."""

    title = "provider"
    parameter_name = "connection_name"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        from providers.models import Connection

        names = Connection.objects.values_list("name", "label").order_by("name")
        return [(name, label or name) for name, label in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(connection_name=self.value()) if self.value() else queryset


class RoleFilter(admin.SimpleListFilter):
    """The role kept in the row itself; asks the database nothing to draw."""

    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return Role.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(role=self.value()) if self.value() else queryset


class StyleFilter(admin.SimpleListFilter):
    """The style's name kept in the row itself, offered from the library."""

    title = "style"
    parameter_name = "style_name"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        from prompts.models import ImageStyle

        names = ImageStyle.objects.values_list("name", flat=True).order_by("name")
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(style_name=self.value()) if self.value() else queryset


class ConsoleAdmin(admin.ModelAdmin):
    """A list of a table that grows, and the permissions of the services as Django asks them."""

    paginator = IdsFirstPaginator
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    ordering = ("-pk",)
    actions_on_bottom = False
    empty_state = ""
    page_related: tuple[str, ...] = ()

    def action_checkbox(self, obj: Model) -> SafeString:
        """Django's own box, without a template rendered for each row of a list."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" aria-label="{}" class="action-select">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            gettext("Select this object for an action - {}").format(obj),
        )

    def has_generate_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "generate")

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "approve")

    def has_override_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "override")

    def has_spend_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "spend")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return DecoratedChangeList

    def decorate(self, rows: list) -> None:
        """Fetch for the rows of one page what their columns need, in few statements."""

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None):
        context = {"empty_state": self.empty_state, **(extra_context or {})}
        return super().changelist_view(request, context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict | None = None,
    ) -> HttpResponse:
        row = self.row_of_page(unquote(object_id))
        facts = self.facts(request, row) if row else {}
        return super().change_view(request, object_id, form_url, {**facts, **(extra_context or {})})

    def row_of_page(self, key: str) -> Any:
        """The row that a page is about, with what its template follows; None if there is none."""
        rows = self.model._default_manager.select_related(*self.page_related)
        return rows.filter(pk=number_from(key)).first()

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the template of the page needs besides the form."""
        return {}

    def get_object_or_none(self, request: HttpRequest, pk: str):
        """The row of an own page, with the permission to see it checked."""
        instance = self.get_object(request, pk)
        if not self.has_view_permission(request, instance):
            raise PermissionDenied
        return instance

    def gone(self, request: HttpRequest, pk: str) -> HttpResponseRedirect:
        """Django's own answer for a row that is not there."""
        return self._get_obj_does_not_exist_redirect(request, self.opts, pk)

    def page_context(self, request: HttpRequest, instance: Any, title: str, **more: Any) -> dict:
        """What an own page about one row needs to look like any page of the admin."""
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": instance,
            "title": title,
            "media": self.media,
            "next": way_back(request),
            **more,
        }


class ReadOnlyAdmin(ConsoleAdmin):
    """Facts: nobody adds, edits or deletes them by hand; services change them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Tally:
    """Counts what an action has done, and tells it in one message."""

    def __init__(self, noun: str, plural: str, verb: str) -> None:
        self.noun, self.plural, self.verb = noun, plural, verb
        self.done = self.skipped = self.failed = 0
        self.reasons: list[str] = []

    @contextmanager
    def count(self) -> Iterator[None]:
        """One service call: a wrong state is skipped, anything else it refuses has failed."""
        try:
            yield
        except (InvalidTransition, WrongState) as error:
            self.skip(str(error))
        except NotPermitted as error:
            raise PermissionDenied(str(error)) from error
        except (ImagegenError, BlogError) as error:
            self.fail(str(error))
        else:
            self.done += 1

    def skip(self, reason: str = "") -> None:
        self.skipped += 1
        self._note(reason)

    def fail(self, reason: str = "") -> None:
        self.failed += 1
        self._note(reason)

    def _note(self, reason: str) -> None:
        if reason and reason not in self.reasons:
            self.reasons.append(reason)

    @property
    def sentence(self) -> str:
        noun = self.noun if self.done == 1 else self.plural
        return f"{self.done} {noun} {self.verb}, {self.skipped} skipped, {self.failed} failed."

    def report(self, request: HttpRequest, *more: str | SafeString) -> None:
        """Say it to the person who asked, with the first few reasons."""
        level = messages.SUCCESS
        if self.failed:
            level = messages.ERROR if not self.done else messages.WARNING
        elif self.skipped:
            level = messages.WARNING
        lines: Sequence[str | SafeString] = [*more, *self.reasons[:SHOWN_REASONS]]
        if len(self.reasons) > SHOWN_REASONS:
            lines = [*lines, f"And {len(self.reasons) - SHOWN_REASONS} other reasons."]
        text = format_html_join(mark_safe("<br>"), "{}", [(self.sentence,), *((x,) for x in lines)])
        messages.add_message(request, level, text)


def way_back(request: HttpRequest) -> str:
    """The page to return to that the form or the address names, if it is one of ours."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else ""


def go_back(request: HttpRequest, fallback: str) -> HttpResponseRedirect:
    """To the page that the form names, else to `fallback`."""
    return redirect(way_back(request) or fallback)


def tell(
    request: HttpRequest,
    service: Callable[..., Any],
    success: str,
    *,
    form: Form | None = None,
    **arguments: Any,
) -> Any:
    """Call a service for the person at the page; say how it went. None if it refused.

    What it refuses is told by `form`, at the field to change, where the input came from one.
    """
    try:
        answer = service(user=request.user, **arguments)
    except NotPermitted as error:
        raise PermissionDenied(str(error)) from error
    except (ImagegenError, BlogError) as error:
        if form is None or isinstance(error, InvalidTransition):  # no input can mend that
            messages.error(request, str(error))
        else:
            refuse(form, error)
        return None
    messages.success(request, success)
    return answer


def refuse(form: Form, error: Exception) -> None:
    """Say what a service has refused at the field to change, else above the form."""
    field = getattr(error, "field", "")
    form.add_error(field if field in form.fields else None, str(error))


def number_from(text: str | None) -> int:
    """A key out of an address or a form; 0, which no row has, for anything else."""
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0


def form_key(request: HttpRequest) -> str | None:
    """The key that our form sent along, so that a second press does nothing twice."""
    try:
        return str(uuid.UUID(request.POST.get("key", "")))
    except ValueError:
        return None


def not_posted() -> HttpResponse:
    """The answer to somebody who only looks at an address that changes something."""
    return HttpResponse(status=405, headers={"Allow": "POST"})
