"""The blog's part of the admin: posts, tags and former addresses."""

from collections.abc import Callable

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join

from blog import services
from blog.errors import BlogError
from blog.models import Post, Section, SlugHistory, Tag


class PostForm(forms.ModelForm):
    """A post's content; the text area is made for writing Markdown."""

    class Meta:
        model = Post
        fields = "__all__"  # noqa: DJ007 (PostAdmin.fieldsets names the fields)
        widgets = {
            "title": forms.TextInput(attrs={"class": "vLargeTextField", "dir": "auto"}),
            "summary": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField", "dir": "auto"}),
            "body": forms.Textarea(
                attrs={"rows": 36, "class": "vLargeTextField blog-markdown", "dir": "auto"}
            ),
        }

    def clean(self) -> dict:
        """A time for publishing belongs to posts that wait for it."""
        cleaned = super().clean()
        if self.instance.status == Post.Status.SCHEDULED and not cleaned.get("scheduled_for"):
            self.add_error(
                "scheduled_for", "This post is scheduled. Enter a time, or withdraw it first."
            )
        return cleaned


class SlugHistoryInline(admin.TabularInline):
    """Former addresses that lead to the post; they follow from changes of the slug."""

    model = SlugHistory
    fields = ["slug", "created_at"]
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return False


@admin.register(Post)
class PostAdmin(admin.ModelAdmin):
    """Posts. All changes go through `blog.services`."""

    form = PostForm
    inlines = [SlugHistoryInline]
    list_display = ["title", "status", "published_at", "shown_author", "section_count"]
    list_filter = ["status", "language"]
    list_per_page = 50
    list_select_related = ["author"]
    search_fields = ["title", "slug", "author_name", "summary"]
    search_help_text = "Title, slug, author or summary"
    show_full_result_count = False
    ordering = ["-pk"]
    prepopulated_fields = {"slug": ["title"]}
    autocomplete_fields = ["tags"]
    raw_id_fields = ["author"]
    readonly_fields = ["shown_status", "shown_sections", "origin", "updated_at", "edited_at"]
    actions = ["publish_posts", "schedule_posts", "withdraw_posts"]
    save_on_top = True
    fieldsets = [
        (None, {"fields": ["title", "summary", "body", "shown_status"]}),
        (
            "Readers see",
            {"fields": [("author_name", "author"), "tags", ("published_at", "language"), "slug"]},
        ),
        (
            "Publishing and sections",
            {
                "fields": ["scheduled_for", "split_level", "shown_sections"],
                "classes": ["collapse"],
            },
        ),
        (
            "History",
            {"fields": ["origin", "updated_at", "edited_at"], "classes": ["collapse"]},
        ),
    ]

    class Media:
        css = {"all": ["blog/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Post]:
        posts = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name.endswith("_changelist"):
            posts = posts.defer("body", "excerpt").annotate(sections_counted=_section_count())
        return posts

    def view_on_site(self, post: Post) -> str:
        return post.get_absolute_url()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Post | None = None) -> dict:
        # An address that is known to readers does not follow each change of the title.
        return {} if obj else self.prepopulated_fields

    def save_model(self, request: HttpRequest, obj: Post, form: PostForm, change: bool) -> None:
        if not change and obj.author is None and not obj.author_name:
            obj.author = request.user
        services.save_post(post=obj, tags=form.cleaned_data.get("tags"))

    def delete_model(self, request: HttpRequest, obj: Post) -> None:
        services.delete_post(post=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> None:
        for post in queryset:
            services.delete_post(post=post)

    @admin.display(description="author", ordering="author_name")
    def shown_author(self, post: Post) -> str:
        return post.byline

    @admin.display(description="sections", ordering="sections_counted")
    def section_count(self, post: Post) -> int:
        return post.sections_counted

    @admin.display(description="status")
    def shown_status(self, post: Post) -> str:
        if post.pk is None:
            return "Draft: save it first, then publish it from the list of posts."
        if post.is_public:
            return format_html('Published. <a href="{}">View</a>', post.get_absolute_url())
        return f"{post.get_status_display()}. Publish, schedule or withdraw in the list of posts."

    @admin.display(description="sections")
    def shown_sections(self, post: Post) -> str:
        """The sections as the text divides them, each leading to its place on the page.

        Not an inline: a form with thousands of rows would be more than a request may hold.
        """
        if post.pk is None:
            return "They follow the text, once it is saved."
        address = post.get_absolute_url()
        rows = format_html_join(
            "",
            '<li><a href="{}#{}">{}</a>{}</li>',
            (
                (address, section.anchor, section, " (holds a picture)" * section.has_picture)
                for section in post.sections.defer("body")
            ),
        )
        return format_html("<ol>{}</ol>", rows) if rows else "None: the text is one piece."

    @admin.display(description="imported from")
    def origin(self, post: Post) -> str:
        if not post.imported_at:
            return "Written here"
        when = date_format(timezone.localtime(post.imported_at), "DATETIME_FORMAT")
        return f"{post.source_path}, {when}"

    @admin.action(permissions=["change"], description="Publish selected posts")
    def publish_posts(self, request: HttpRequest, queryset: QuerySet[Post]) -> None:
        self.move_posts(request, queryset, services.publish_post, "published")

    @admin.action(permissions=["change"], description="Schedule selected posts for their time")
    def schedule_posts(self, request: HttpRequest, queryset: QuerySet[Post]) -> None:
        self.move_posts(request, queryset, services.schedule_post, "scheduled")

    @admin.action(permissions=["change"], description="Withdraw selected posts")
    def withdraw_posts(self, request: HttpRequest, queryset: QuerySet[Post]) -> None:
        self.move_posts(request, queryset, services.withdraw_post, "withdrawn")

    def move_posts(
        self, request: HttpRequest, queryset: QuerySet[Post], service: Callable, done: str
    ) -> None:
        """Run `service` on each post; one message counts, one per reason explains."""
        moved, reasons = 0, []
        for post in queryset:
            try:
                service(post=post)
                moved += 1
            except BlogError as error:
                reasons.append(str(error))
        level = messages.SUCCESS if moved and not reasons else messages.WARNING
        skipped = f", {len(reasons)} skipped" if reasons else ""
        self.message_user(request, f"{moved} {done}{skipped}.", level)
        for reason in reasons[:5]:
            self.message_user(request, reason, messages.WARNING)


def _section_count() -> Coalesce:
    """A subquery, because a join would multiply the rows of the list."""
    counted = Section.objects.filter(post=OuterRef("pk")).order_by().values("post")
    number = Subquery(counted.annotate(n=Count("pk")).values("n"), output_field=IntegerField())
    return Coalesce(number, 0)


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    """Tags; posts are given theirs in the post's form or by import."""

    list_display = ["name", "slug"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    show_full_result_count = False


@admin.register(SlugHistory)
class SlugHistoryAdmin(admin.ModelAdmin):
    """Former addresses. Removing one frees it; adding one makes a redirect."""

    list_display = ["slug", "post", "created_at"]
    list_select_related = ["post"]
    raw_id_fields = ["post"]
    search_fields = ["slug", "post__title"]
    show_full_result_count = False
