"""Posts with their pictures: the blog's admin, and what this app adds to it."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from blog.admin import PostAdmin
from blog.models import Post
from imagegen.admin.base import ConsoleAdmin, Tally
from imagegen.admin.display import chip, post_chip, thumbnail
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
        "published_at",
    )  # fmt: skip
    list_display_links = ("hero", "title")
    actions = (
        "generate_missing", "generate_sections", "publish_posts", "schedule_posts",
        "withdraw_posts",
    )  # fmt: skip
    change_form_template = "admin/imagegen/post.html"
    change_list_template = "admin/imagegen/change_list.html"
    empty_state = (
        "Write one here, or bring a folder of Markdown files with manage.py import_posts. Each "
        "post gets places for pictures by itself."
    )

    def decorate(self, rows: list[Post]) -> None:
        keys = [post.pk for post in rows]
        slots = ImageSlot.objects.attached().filter(post__in=keys)
        heroes = slots.filter(role=Role.HERO, wanted=True).select_related("choice")
        by_post = {slot.post_id: slot.choice for slot in heroes}
        own = Q(wanted=True, from_hero=False)
        counts = slots.order_by().values("post").annotate(
            places=Count("pk", filter=own),
            filled=Count("pk", filter=own & Q(choice__isnull=False)),
        )  # fmt: skip
        counted = {row["post"]: row for row in counts}
        waiting = (
            ImageOutput.objects.filter(post__in=keys, state=ImageOutput.State.CANDIDATE)
            .order_by()
            .values_list("post")
            .annotate(images=Count("pk"))
        )
        to_review = dict(waiting)
        for post in rows:
            post.hero_image = by_post.get(post.pk)
            post.places = counted.get(post.pk, {"places": 0, "filled": 0})
            post.to_review = to_review.get(post.pk, 0)

    # --- Columns ------------------------------------------------------------------------

    @admin.display(description="hero")
    def hero(self, post: Post) -> SafeString:
        return thumbnail(post.hero_image)

    @admin.display(description="status")
    def status_chip(self, post: Post) -> SafeString:
        return post_chip(post)

    @admin.display(description="pictures")
    def pictures(self, post: Post) -> SafeString:
        """How many places are filled, and what waits for review; leads to the places."""
        filled = format_html(
            '<a href="{}?post__id={}">{} of {}</a>',
            reverse(SLOTS),
            post.pk,
            post.places["filled"],
            post.places["places"],
        )
        if not post.to_review:
            return filled
        return format_html("{} {}", filled, chip("review", f"{post.to_review} to review"))

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
                warnings += service(post=post, user=request.user) or []
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


def _reading_order(slot: ImageSlot) -> tuple[int, int]:
    place = {Role.HERO: 0, Role.SOCIAL: 1}.get(slot.role, 2)
    return place, slot.section.position if slot.section else 0
