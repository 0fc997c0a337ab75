"""Forms of the console's own pages. They hold input and its wording; services hold the rules."""

from collections.abc import Collection

from django import forms

from imagegen.imaging.xmp import SOURCE_TYPES
from imagegen.models import LONGEST_ALT, ImageOutput
from imagegen.services.batches import GenerationOptions
from imagegen.services.disclosure import QUESTION
from imagegen.services.money import lacks_cap
from prompts.models import ImagePromptExample, ImageSetting, ImageStyle
from prompts.services.retirement import choosable_examples, choosable_settings
from providers.credentials import has_secret
from providers.models import Connection, ImageModel

ALT_HELP = f"What the picture shows, for those who do not see it. At most {LONGEST_ALT} characters."


def source_choices() -> list[tuple[str, str]]:
    """The kinds of source that an upload may name, in words."""
    kinds = [(term, words[:1].upper() + words[1:]) for term, words in SOURCE_TYPES.items()]
    return [("", "Not said; a mark in the file itself counts"), *kinds]


def unready_providers(keys: Collection[int] | None = None) -> dict[int, str]:
    """Providers that are switched on and cannot be called yet, by key: name and reason.

    `keys` are those to look at; None: all.
    """
    told, rows = {}, Connection.objects.enabled()
    for row in rows if keys is None else rows.filter(pk__in=keys):
        if not has_secret(row.secret_name):
            told[row.pk] = f"{row} (its secret is missing)"
        elif lacks_cap(row):
            told[row.pk] = f"{row} (it has no monthly cap)"
    return told


def left_out(unready: dict[int, str]) -> str:
    """Why some providers are not among the choices, as a sentence of a help text."""
    return f"Not offered: {', '.join(unready.values())}." if unready else ""


def answer_field() -> forms.TypedChoiceField:
    """The question of the review about real things; not answered is None."""
    return forms.TypedChoiceField(
        label=QUESTION,
        required=False,
        choices=[("yes", "Yes"), ("no", "No")],
        coerce=lambda answer: answer == "yes",
        empty_value=None,
        widget=forms.RadioSelect,
        help_text="If it could, readers always see the label.",
    )


def answer_of(output: ImageOutput) -> str:
    """The answer so far, as the field's value."""
    return {True: "yes", False: "no"}.get(output.could_be_real, "")


class AltForm(forms.Form):
    """Alt text of one image in its place."""

    alt = forms.CharField(
        label="Alt text",
        required=False,
        max_length=LONGEST_ALT,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        help_text=ALT_HELP,
    )
    decorative = forms.BooleanField(
        required=False,
        label="Decorative",
        help_text="It adds nothing to the text, so screen readers pass over it.",
    )


class ApproveForm(AltForm):
    """An approval with the alt text that goes with it."""

    could_be_real = answer_field()
    note = forms.CharField(required=False, max_length=1000)


class RejectForm(forms.Form):
    """Why images are rejected."""

    reason = forms.ChoiceField(
        choices=ImageOutput.RejectReason.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a reason.", "invalid_choice": "Choose a reason."},
    )
    note = forms.CharField(
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text="For whoever asks for the next one: what should be different?",
    )


class UploadForm(AltForm):
    """An own picture for a place."""

    file = forms.FileField(
        label="Picture",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/avif"}),
        help_text="PNG, JPEG, WebP or AVIF, at most 25 MB.",
        error_messages={
            "required": "Choose a picture.",
            "empty": "The file is empty. Choose a picture.",
            "missing": "Choose a picture.",
        },
    )
    digital_source_type = forms.ChoiceField(
        label="Where it comes from",
        required=False,
        help_text="Written into the public copy; readers see it where AI made the picture.",
    )
    field_order = ("file", "alt", "decorative", "digital_source_type")

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["digital_source_type"].choices = source_choices()


class OptionsForm(forms.Form):
    """How images are asked for this time; what is left empty follows the post's plan."""

    EMPTY = "As the plan or the site says"

    description = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text=(
            "What the picture should show, in your words. Empty: the place’s accepted prompt, "
            "else its brief."
        ),
    )
    style = forms.ModelChoiceField(
        ImageStyle.objects.filter(is_active=True), required=False, empty_label=EMPTY
    )
    example = forms.ModelChoiceField(
        ImagePromptExample.objects.all(), required=False, empty_label=EMPTY
    )
    setting = forms.ModelChoiceField(ImageSetting.objects.all(), required=False, empty_label=EMPTY)
    connection = forms.ModelChoiceField(
        Connection.objects.none(),
        required=False,
        empty_label=EMPTY,
        label="Provider",
        help_text="Draws with its default model.",
    )
    model = forms.ModelChoiceField(
        ImageModel.objects.none(),
        required=False,
        empty_label=EMPTY,
        help_text="Goes before the provider.",
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        # Here and not above: what may be chosen changes from day to day.
        self.fields["example"].queryset = choosable_examples()
        self.fields["setting"].queryset = choosable_settings()
        unready = unready_providers()
        self.fields["connection"].queryset = Connection.objects.enabled().exclude(pk__in=unready)
        self.fields["connection"].help_text += f" {left_out(unready)}"
        models = ImageModel.objects.usable().for_pictures().select_related("connection")
        self.fields["model"].queryset = models.exclude(connection__in=unready)

    def options(self) -> GenerationOptions:
        """The valid input as the services take it."""
        return GenerationOptions(
            **{name: self.cleaned_data[name] for name in OptionsForm.base_fields}
        )


class RegenerateForm(OptionsForm):
    """One more candidate for a place."""

    note = forms.CharField(
        required=False, max_length=1000, help_text="Kept in the history of the place."
    )


class CommentForm(forms.Form):
    """A remark about an image or a place."""

    note = forms.CharField(
        label="Comment",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        error_messages={"required": "Write the comment first."},
    )
