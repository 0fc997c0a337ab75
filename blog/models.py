"""Posts, their sections, tags, former addresses and the pictures that came with them."""

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from blog.bodies import validate_body
from blog.slugs import validate_slug

WORDS_PER_MINUTE = 230
# Scripts that are written from right to left, by the language's first subtag.
RIGHT_TO_LEFT = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"}
)


def site_language() -> str:
    """The language of a post that names none."""
    return settings.LANGUAGE_CODE


class Tag(models.Model):
    """A subject that posts share; its slug tells tags apart."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=120, unique=True, allow_unicode=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("blog:tag", args=[self.slug])


class PostQuerySet(models.QuerySet["Post"]):
    """Reads of posts by who may see them."""

    def visible(self) -> "PostQuerySet":
        """Posts that everybody may read."""
        return self.filter(status=Post.Status.PUBLISHED)

    def newest_first(self) -> "PostQuerySet":
        return self.order_by("-published_at", "-pk")

    def for_cards(self) -> "PostQuerySet":
        """What a list of posts shows, without the bodies."""
        return self.defer("body").prefetch_related("tags")

    def due(self, now) -> "PostQuerySet":
        """Scheduled posts whose time has come."""
        return self.filter(status=Post.Status.SCHEDULED, scheduled_for__lte=now)


class Post(models.Model):
    """An article. Its text is one Markdown body; the sections follow it.

    `blog.services` changes posts: `save_post` after an edit, `publish_post`, `schedule_post`
    and `withdraw_post` for the status.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SCHEDULED = "scheduled", "Scheduled"
        PUBLISHED = "published", "Published"
        WITHDRAWN = "withdrawn", "Withdrawn"

    title = models.CharField(max_length=500)
    slug = models.SlugField(
        max_length=200,
        unique=True,
        allow_unicode=True,
        blank=True,
        validators=[validate_slug],
        help_text="Last part of the address. Made from the title if left empty.",
    )
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.DRAFT)
    body = models.TextField(blank=True, validators=[validate_body], help_text="Markdown.")
    summary = models.TextField(blank=True, help_text="One or two sentences in plain text.")
    language = models.CharField(
        max_length=35, default=site_language, help_text="Such as en, de or pt-BR."
    )
    author_name = models.CharField(max_length=300, blank=True, help_text="As readers see it.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="posts",
        help_text="Who wrote it here. Their name stands in if there is no author name.",
    )
    tags = models.ManyToManyField(Tag, blank=True, related_name="posts")
    split_level = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(6)],
        help_text="Heading level that starts a section, 1 to 6; 0: no sections. Empty: the "
        "highest level that occurs more than once.",
    )
    published_at = models.DateTimeField(
        "date", null=True, blank=True, help_text="The date that readers see."
    )
    scheduled_for = models.DateTimeField(
        null=True, blank=True, help_text="When a scheduled post becomes public."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(default=timezone.now, help_text="Last change of content.")
    edited_at = models.DateTimeField(
        null=True, blank=True, help_text="Last change of content made here, not by an import."
    )
    source_path = models.CharField(max_length=500, blank=True)
    source_hash = models.CharField(max_length=64, blank=True)
    imported_at = models.DateTimeField(null=True, blank=True)
    excerpt = models.TextField(blank=True, editable=False)
    word_count = models.PositiveIntegerField(default=0, editable=False)

    objects = PostQuerySet.as_manager()

    class Meta:
        ordering = ["-published_at", "-pk"]
        permissions = [("read_drafts", "Can read posts that are not published")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="published") | Q(published_at__isnull=False),
                name="published_post_has_a_date",
            ),
            models.CheckConstraint(
                condition=~Q(status="scheduled") | Q(scheduled_for__isnull=False),
                name="scheduled_post_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-published_at", "-id"], name="post_status_date"),
            models.Index(fields=["source_path"], name="post_source_path"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("blog:post-detail", args=[self.slug])

    @property
    def is_public(self) -> bool:
        return self.status == self.Status.PUBLISHED

    @property
    def byline(self) -> str:
        """The author as readers see it."""
        return self.author_name or (self.author.get_full_name() if self.author else "")

    @property
    def lead(self) -> str:
        """The summary, or the first words where nobody wrote one that says more than the title."""
        return self.summary if self.summary not in ("", self.title) else self.excerpt

    @property
    def reading_minutes(self) -> int:
        return max(1, round(self.word_count / WORDS_PER_MINUTE))

    @property
    def direction(self) -> str:
        """Value for the HTML attribute `dir`."""
        return "rtl" if self.language.lower().split("-")[0] in RIGHT_TO_LEFT else "ltr"


class Section(models.Model):
    """A part of a post, from one heading to the next. Addressed by id, never by position.

    The row is written by `blog.services.save_post` only and keeps its id while the text is
    edited, moved or imported again. The text before the first heading belongs to no section.
    """

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="sections")
    position = models.PositiveIntegerField(help_text="Counts from 0.")
    level = models.PositiveSmallIntegerField()
    heading = models.CharField(max_length=500, blank=True, help_text="Plain text.")
    anchor = models.CharField(max_length=120)
    body = models.TextField(blank=True, help_text="Markdown without the heading.")
    text_hash = models.CharField(max_length=64)
    has_picture = models.BooleanField(default=False)

    class Meta:
        ordering = ["post_id", "position"]
        indexes = [models.Index(fields=["post", "position"], name="section_post_position")]

    def __str__(self) -> str:
        return self.heading or f"Section {self.position + 1}"

    def get_absolute_url(self) -> str:
        return f"{self.post.get_absolute_url()}#{self.anchor}"


class SlugHistory(models.Model):
    """A former address of a post; it leads to the present one for good."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="former_slugs")
    slug = models.SlugField(max_length=200, unique=True, allow_unicode=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "former slug"
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.slug


class PostPicture(models.Model):
    """A picture that came with an imported post and is shown where its text names it."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="pictures")
    name = models.CharField(max_length=500, help_text="The address as written in the text.")
    path = models.CharField(max_length=300, help_text="In the private storage.")
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    alt = models.TextField(blank=True)

    class Meta:
        ordering = ["post_id", "name"]
        constraints = [
            models.UniqueConstraint(fields=["post", "name"], name="one_picture_per_post_and_name")
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("blog:post-picture", args=[self.post_id, self.file_name])

    @property
    def file_name(self) -> str:
        """A public name that changes with the content, so that it can be cached for ever."""
        extension = self.path.rpartition(".")[2].lower()
        return f"{self.sha256[:24]}.{extension}"
