"""Places for pictures, their alt texts, and a post's plan for illustration."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.text import Truncator

from prompts.models import Role

LONGEST_ALT = 500  # characters


class SlotQuerySet(models.QuerySet):
    """Reads of slots; the state of a slot is derived from what hangs on it."""

    def wanted(self) -> "SlotQuerySet":
        """Places that want a picture of their own (a card made from the hero does not)."""
        return self.filter(wanted=True, from_hero=False, post__isnull=False)

    def empty(self) -> "SlotQuerySet":
        """Wanted places without a chosen picture."""
        return self.wanted().filter(choice__isnull=True)

    def missing(self) -> "SlotQuerySet":
        """Empty places with neither a candidate to review nor a job under way."""
        from imagegen.models.jobs import GenerationJob
        from imagegen.models.outputs import ImageOutput

        candidates = ImageOutput.objects.filter(
            slot=models.OuterRef("pk"), state=ImageOutput.State.CANDIDATE
        )
        running = GenerationJob.objects.filter(
            slot=models.OuterRef("pk"),
            kind=GenerationJob.Kind.IMAGE,
            state__in=GenerationJob.OPEN_STATES,
        )
        return self.empty().exclude(models.Exists(candidates)).exclude(models.Exists(running))

    def detached(self) -> "SlotQuerySet":
        """Places whose section or post is gone; their pictures can be attached again."""
        return self.filter(Q(post__isnull=True) | Q(role=Role.SECTION, section__isnull=True))

    def attached(self) -> "SlotQuerySet":
        return self.filter(post__isnull=False).exclude(role=Role.SECTION, section__isnull=True)


class ImageSlot(models.Model):
    """A place for one picture: a post's hero, its social card, or one section."""

    class Reason(models.TextChoices):
        RULE = "rule", "by rule"
        HAND = "hand", "by hand"

    class State(models.TextChoices):
        NOT_WANTED = "not_wanted", "Not wanted"
        FROM_HERO = "from_hero", "Made from the hero"
        EMPTY = "empty", "Empty"
        CANDIDATES = "candidates", "To review"
        CHOSEN = "chosen", "Chosen"
        STALE = "stale", "Text changed since"

    post = models.ForeignKey(
        "blog.Post", null=True, blank=True, on_delete=models.SET_NULL, related_name="slots"
    )
    post_title = models.CharField(max_length=500, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices)
    section = models.OneToOneField(
        "blog.Section", null=True, blank=True, on_delete=models.SET_NULL, related_name="slot"
    )
    section_heading = models.CharField(max_length=500, blank=True)
    wanted = models.BooleanField(default=True)
    wanted_by = models.CharField(max_length=8, choices=Reason.choices, default=Reason.RULE)
    from_hero = models.BooleanField(
        default=False, help_text="A social card that is made from the post's chosen hero."
    )
    brief = models.TextField(blank=True, help_text="What the picture should show, in your words.")
    draft = models.ForeignKey(
        "imagegen.PromptDraft",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The accepted draft: it is the prompt, only style and format are added.",
    )
    caption = models.CharField(max_length=500, blank=True)
    choice = models.ForeignKey(
        "imagegen.ImageOutput",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="chosen_in",
    )
    chosen_at = models.DateTimeField(null=True, blank=True)
    chosen_text_hash = models.CharField(
        max_length=64, blank=True, help_text="Fingerprint of the text the choice was made for."
    )
    text_hash = models.CharField(max_length=64, blank=True)
    publication_due = models.BooleanField(
        default=False, help_text="Its public copies do not match the choice yet."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SlotQuerySet.as_manager()

    class Meta:
        verbose_name = "place"
        ordering = ["post_id", "role", "section__position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["post", "role"],
                condition=Q(role__in=["hero", "social"], post__isnull=False),
                name="one_hero_and_social_slot_per_post",
            ),
            models.CheckConstraint(
                condition=Q(from_hero=False) | Q(role="social"),
                name="only_social_slots_come_from_the_hero",
            ),
        ]
        indexes = [
            models.Index(
                fields=["post"], condition=Q(publication_due=True), name="slot_publication_due"
            )
        ]

    def __str__(self) -> str:
        place = self.section_heading if self.role == Role.SECTION else self.get_role_display()
        return f"{Truncator(self.post_title or 'No post').chars(100)}: {place}"[:200]

    @property
    def is_stale(self) -> bool:
        """The text has changed since the choice was made."""
        return bool(self.choice_id and self.chosen_text_hash != self.text_hash)

    @property
    def state(self) -> "ImageSlot.State":
        """Derived, never stored. Uses the annotation `candidates` where a list made it."""
        if not self.wanted:
            return self.State.NOT_WANTED
        if self.choice_id:
            return self.State.STALE if self.is_stale else self.State.CHOSEN
        if self.from_hero:
            return self.State.FROM_HERO
        waiting = getattr(self, "candidates", None)
        if waiting is None:
            waiting = self.outputs.filter(state="candidate").exists()
        return self.State.CANDIDATES if waiting else self.State.EMPTY


class SlotAlt(models.Model):
    """Alt text of a slot for one image and language: a text, or decorative by choice."""

    class Source(models.TextChoices):
        HUMAN = "human", "written by a person"
        GENERATOR = "generator", "described by the provider"
        MODEL = "model", "drafted by a model"

    slot = models.ForeignKey(ImageSlot, on_delete=models.CASCADE, related_name="alts")
    output = models.ForeignKey(
        "imagegen.ImageOutput", on_delete=models.CASCADE, related_name="slot_alts"
    )
    language = models.CharField(max_length=16)
    text = models.CharField(max_length=LONGEST_ALT, blank=True)
    decorative = models.BooleanField(default=False)
    source = models.CharField(max_length=16, choices=Source.choices, default=Source.HUMAN)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "alt text"
        constraints = [
            models.UniqueConstraint(
                fields=["slot", "output", "language"], name="one_alt_per_slot_output_language"
            )
        ]

    def __str__(self) -> str:
        return "decorative" if self.decorative else self.text


class AltDraft(models.Model):
    """An alt text that a vision model drafted; it counts once a person has taken it over."""

    slot = models.ForeignKey(ImageSlot, on_delete=models.CASCADE, related_name="alt_drafts")
    output = models.ForeignKey(
        "imagegen.ImageOutput", on_delete=models.CASCADE, related_name="alt_drafts"
    )
    language = models.CharField(max_length=16)
    text = models.CharField(
        max_length=LONGEST_ALT, blank=True, help_text="Empty while it is written."
    )
    job = models.OneToOneField(
        "imagegen.GenerationJob",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="alt_draft",
    )
    model_name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "draft of an alt text"
        verbose_name_plural = "drafts of alt texts"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.text[:80] or "A draft that is being written"


class IllustrationPlan(models.Model):
    """How one post is illustrated: a pinned style and version, and a choice for each role.

    What is left empty follows the site's default for the role.
    """

    post = models.OneToOneField(
        "blog.Post", on_delete=models.CASCADE, related_name="illustration_plan"
    )
    style = models.ForeignKey(
        "prompts.ImageStyle", null=True, blank=True, on_delete=models.SET_NULL
    )
    style_version = models.PositiveIntegerField(null=True, blank=True)
    automatic = models.BooleanField(
        default=False, help_text="Ask for missing pictures by itself after a change."
    )
    reference = models.ForeignKey(
        "imagegen.ImageOutput", null=True, blank=True, on_delete=models.SET_NULL
    )

    class Meta:
        verbose_name = "illustration plan"

    def __str__(self) -> str:
        return f"Plan of {self.post}"


class PlanChoice(models.Model):
    """A plan's example or setting for one role."""

    plan = models.ForeignKey(IllustrationPlan, on_delete=models.CASCADE, related_name="choices")
    role = models.CharField(max_length=16, choices=Role.choices)
    example = models.ForeignKey(
        "prompts.ImagePromptExample", null=True, blank=True, on_delete=models.CASCADE
    )
    setting = models.ForeignKey(
        "prompts.ImageSetting", null=True, blank=True, on_delete=models.CASCADE
    )

    class Meta:
        verbose_name = "choice for a role"
        verbose_name_plural = "choices for roles"
        constraints = [
            models.UniqueConstraint(fields=["plan", "role"], name="one_plan_choice_per_role"),
            models.CheckConstraint(
                condition=Q(example__isnull=False, setting__isnull=True)
                | Q(example__isnull=True, setting__isnull=False),
                name="plan_choice_is_example_or_setting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()}: {self.example or self.setting}"


class PromptDraft(models.Model):
    """A description of a place's picture before anything is drawn: written, shown, edited.

    Kept as history: a refinement is a new draft with its `parent` and what was asked of it.
    `text` is empty while its job is under way.
    """

    class Origin(models.TextChoices):
        TEMPLATE = "template", "From the template"
        MODEL = "model", "Written by a model"
        HAND = "hand", "Written by hand"

    slot = models.ForeignKey(ImageSlot, on_delete=models.CASCADE, related_name="drafts")
    origin = models.CharField(max_length=10, choices=Origin)
    text = models.TextField(blank=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="refinements"
    )
    instruction = models.CharField(
        max_length=500, blank=True, help_text="What should change, such as: warmer, no people."
    )
    job = models.OneToOneField(
        "imagegen.GenerationJob",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="draft",
    )
    model_name = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    created_by_name = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "prompt draft"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.text[:80] or "A draft that is being written"
