"""Posts with their pictures: the blog's admin, and what this app adds to it."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from blog.admin import PostAdmin
from blog.models import Post
from imagegen.admin.base import ConsoleAdmin, PeriodFilter, Tally
from imagegen.admin.display import DASH, chip, post_chip, short_date, thumbnail, two_lines
from imagegen.admin.generation import ask, without_those_under_way
from imagegen.models import IllustrationPlan, ImageOutput, ImageSlot
from imagegen.services import publishing
from imagegen.services.selection import select_slots
from prompts.models import Role

SHOWN_PLACES = 40
SLOTS = "admin:imagegen_imageslot_changelist"

admin.site.unregister(Post)


@admin.register(Post)
class IllustratedPostAdmin(ConsoleAdmin, PostAdmin):
    """The list from which posts are illustrated and published."""

    list_display = (
        "hero", "title", "status_chip", "pictures", "shown_author",
    )  # fmt: skip
    list_display_links = ("hero", "title")
    actions = (
        "generate_missing", "generate_sections", "publish_posts", "schedule_posts",
        "withdraw_posts",
    )  # fmt: skip
    list_filter = ("status", PeriodFilter)
    change_form_template = "admin/imagegen/post.html"
    change_list_template = "admin/imagegen/change_list.html"
    empty_state = (
        "Write one here, or bring a folder of Markdown files with manage.py import_posts. Each "
        "post gets places for pictures by itself."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without the long texts in the list, and without counts that it does not show."""
        posts = admin.ModelAdmin.get_queryset(self, request)
        listing = request.resolver_match and request.resolver_match.url_name.endswith("changelist")
        return posts.defer("body", "excerpt", "summary") if listing else posts

    def decorate(self, rows: list[Post]) -> None:
        """The hero, how many places are filled and what waits: one statement."""
        places = ImageSlot.objects.attached().filter(wanted=True, from_hero=False)
        candidates = ImageOutput.objects.filter(state=ImageOutput.State.CANDIDATE)
        heroes = (
            ImageSlot.objects.filter(post__in=[post.pk for post in rows], role=Role.HERO)
            .select_related("choice")
            .annotate(
                places=_count_by_post(places),
                filled=_count_by_post(places.filter(choice__isnull=False)),
                to_review=_count_by_post(candidates),
            )
            .order_by()
        )
        by_post = {slot.post_id: slot for slot in heroes}
        for post in rows:
            post.hero_slot = by_post.get(post.pk)

    # --- Columns ------------------------------------------------------------------------

    @admin.display(description="hero")
    def hero(self, post: Post) -> SafeString:
        slot = post.hero_slot
        return thumbnail(slot.choice if slot and slot.wanted else None)

    @admin.display(description="status")
    def status_chip(self, post: Post) -> SafeString:
        """The status, with the date that readers see or the time that the post waits for."""
        waits = post.status == Post.Status.SCHEDULED
        date = post.scheduled_for if waits else post.published_at
        return two_lines(post_chip(post), short_date(date)) if date else post_chip(post)

    @admin.display(description="pictures")
    def pictures(self, post: Post) -> SafeString | str:
        """How many places are filled, and what waits for review; leads to the places."""
        slot = post.hero_slot
        if slot is None:
            return DASH
        filled = format_html(
            '<a href="{}?post__id={}">{} of {}</a>',
            reverse(SLOTS),
            post.pk,
            slot.filled,
            slot.places,
        )
        if not slot.to_review:
            return filled
        return format_html("{} {}", filled, chip("review", f"{slot.to_review} to review"))

    # --- Actions ------------------------------------------------------------------------

    @admin.action(permissions=["generate"], description="Generate missing images")
    def generate_missing(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        tally = Tally("image", "images", "asked for")
        slots = select_slots(posts=queryset, only_missing=True)
        lacking = {slot.post_id for slot in slots}
        for post in queryset:
            if post.pk not in lacking:
                tally.skip(f"“{post.title}” lacks no image.")
        return self._ask(request, slots, "generate_missing", "Generate missing images", tally)

    @admin.action(permissions=["generate"], description="Generate images for all sections")
    def generate_sections(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        tally = Tally("image", "images", "asked for")
        slots = select_slots(posts=queryset, roles=(Role.SECTION,))
        ready = without_those_under_way(slots, tally)
        title = "Generate images for all sections"
        return self._ask(request, ready, "generate_sections", title, tally)

    def _ask(
        self,
        request: HttpRequest,
        slots: list[ImageSlot],
        action: str,
        title: str,
        tally: Tally,
    ) -> HttpResponse | None:
        return ask(self, request, slots=slots, action=action, title=title, tally=tally)

    @admin.action(permissions=["change"], description="Publish selected posts")
    def publish_posts(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, publishing.publish_post, "published")

    @admin.action(permissions=["change"], description="Schedule selected posts for their time")
    def schedule_posts(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, publishing.schedule_post, "scheduled")

    @admin.action(permissions=["change"], description="Withdraw selected posts")
    def withdraw_posts(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._move(request, queryset, publishing.withdraw_post, "withdrawn")

    def _move(self, request: HttpRequest, queryset: QuerySet, service: Any, verb: str) -> None:
        tally = Tally("post", "posts", verb)
        warnings: list[str] = []
        for post in queryset:
            with tally.count():
                warnings += service(post=post) or []
                self.log_change(request, post, f"{verb.capitalize()}.")
        tally.report(request, *warnings[:5])

    # --- Page ---------------------------------------------------------------------------

    def facts(self, request: HttpRequest, row: Post) -> dict[str, Any]:
        """The post's places for the strip above its form."""
        slots = list(
            ImageSlot.objects.attached()
            .filter(post=row)
            .select_related("choice", "section")
            .order_by("section__position", "role")
        )
        slots.sort(key=_reading_order)
        shown = slots[:SHOWN_PLACES]
        admin.site.get_model_admin(ImageSlot).decorate(shown)
        own = [slot for slot in slots if slot.wanted and not slot.from_hero]
        return {
            "slots": shown,
            "slot_count": len(slots),
            "filled": sum(1 for slot in own if slot.choice_id),
            "wanted": len(own),
            "slots_url": f"{reverse(SLOTS)}?post__id={row.pk}",
            "plan": IllustrationPlan.objects.filter(post=row).select_related("style").first(),
            "may_generate": self.has_generate_permission(request),
            "may_publish": self.has_change_permission(request, row),
            "may_see_pictures": request.user.has_perm("imagegen.view_imageslot"),
            "may_plan": request.user.has_perm("imagegen.view_illustrationplan"),
        }


def _count_by_post(rows: QuerySet) -> Coalesce:
    """How many of `rows` belong to the post of the outer row."""
    counted = rows.filter(post=OuterRef("post")).order_by().values("post")
    number = Subquery(counted.annotate(n=Count("pk")).values("n"), output_field=IntegerField())
    return Coalesce(number, 0)


def _reading_order(slot: ImageSlot) -> tuple[int, int]:
    place = {Role.HERO: 0, Role.SOCIAL: 1}.get(slot.role, 2)
    return place, slot.section.position if slot.section else 0
