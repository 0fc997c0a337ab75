"""What readers are told of AI: on the page of an image, its words, and rules by style."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from imagegen.admin.base import ConsoleAdmin, not_posted
from imagegen.admin.forms import answer_field, answer_of, source_choices
from imagegen.admin.watermarking import TreatmentForm, TreatmentWatermarks
from imagegen.models import DisclosureText, ImageOutput, StyleTreatment
from imagegen.services import alts, disclosure
from imagegen.services.disclosure_words import MODEL, shipped_words
from imagegen.services.watermarks import read_treatments

AiContent = ImageOutput.AiContent
LABELLED = (AiContent.GENERATED, AiContent.MODIFIED)  # the kinds that readers are told of
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")


class QuestionForm(forms.Form):
    """The answer alone, for those who review."""

    could_be_real = answer_field()
    note = forms.CharField(
        label="Reason",
        required=False,
        max_length=1000,
        help_text="Needed where this says less than before.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # The page has another form with such fields: the ids must differ.
        super().__init__(*args, auto_id="id_disclose_%s", **kwargs)


class DiscloseForm(QuestionForm):
    """Where an image comes from and what AI had to do with it."""

    ai_content = forms.ChoiceField(label="AI content", choices=AiContent)
    digital_source_type = forms.ChoiceField(
        label="Where it comes from",
        required=False,
        help_text="Written into every file that readers get.",
    )
    field_order = ("ai_content", "digital_source_type", "could_be_real", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "Not said"), *source_choices()[1:]]
        self.fields["digital_source_type"].choices = choices


class DisclosurePages:
    """Adds the page "disclose" to the admin of images."""

    def disclosure_facts(self, request: HttpRequest, output: ImageOutput) -> dict[str, Any]:
        """What `_output_disclosure.html` needs."""
        language = alts.alt_language(output.slot) if output.slot else ""
        treatment = read_treatments().of(output)
        return {
            "told": disclosure.disclosure_of(output, language=language, treatment=treatment),
            "source_words": disclosure.SOURCE_TYPES.get(output.digital_source_type, "not said"),
            "disclose_form": self._disclose_form(request)(
                initial={
                    "ai_content": output.ai_content,
                    "digital_source_type": output.digital_source_type,
                    "could_be_real": answer_of(output),
                }
            ),
            "asks_question": output.ai_content != AiContent.NONE,
        }

    def _disclose_form(self, request: HttpRequest) -> type[QuestionForm]:
        return DiscloseForm if self.has_override_permission(request) else QuestionForm

    def disclose_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Say anew what is disclosed, or answer the question of the review."""
        if request.method != "POST":
            return not_posted()
        form = self._disclose_form(request)(request.POST)
        service: Any = disclosure.change_disclosure
        if not isinstance(form, DiscloseForm):
            service = disclosure.answer_question
        done = "What readers are told of image #{output} is saved."
        return self._decide_by(request, pk, service, done, form, "disclose_form")


# --- Words and rules --------------------------------------------------------------------


class DisclosureTextForm(forms.ModelForm):
    """Words in one language; the only thing filled in is the model's name."""

    class Meta:
        model = DisclosureText
        fields = ("language", "ai_content", "label", "sentence")
        labels = {"ai_content": "AI content"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ai_content"].choices = [(kind.value, kind.label) for kind in LABELLED]

    def clean_language(self) -> str:
        code = self.cleaned_data["language"].lower().replace("_", "-")
        if not LANGUAGE.fullmatch(code):
            raise forms.ValidationError("Write a code such as en or pt-br.")
        return code

    def clean_sentence(self) -> str:
        sentence = self.cleaned_data["sentence"]
        if set("{}") & set(sentence.replace(MODEL, "")):
            raise forms.ValidationError(f"Only {MODEL} is filled in; other braces are not.")
        return sentence


class AiContentFilter(admin.SimpleListFilter):
    """What AI had to do with a picture; asks the database nothing to draw."""

    title = "AI content"
    parameter_name = "ai_content"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [(kind.value, kind.label) for kind in LABELLED]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(ai_content=self.value()) if self.value() else queryset


@admin.register(DisclosureText)
class DisclosureTextAdmin(ConsoleAdmin):
    """The words of each language. Those that ship may be changed, not deleted."""

    form = DisclosureTextForm
    list_display = ("label", "language", "kind", "sentence")
    list_filter = (AiContentFilter,)
    ordering = ("language", "ai_content")
    empty_state = "What readers are told of AI in a picture, in each language of the blog."

    @admin.display(description="AI content")
    def kind(self, words: DisclosureText) -> str:
        return words.get_ai_content_display()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and (obj.language, obj.ai_content) in shipped_words():
            return False
        return super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict:
        """Deleting many at once would not ask row by row."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


@admin.register(StyleTreatment)
class StyleTreatmentAdmin(TreatmentWatermarks, ConsoleAdmin):
    """What pictures of a style get besides the site's own."""

    form = TreatmentForm
    list_display = ("style", "label", "watermark", "without_watermark")
    list_select_related = ("style", "watermark")
    list_filter = ("label",)
    ordering = ("style__name",)
    fields = ("style", "label", "watermark", "without_watermark")
    empty_state = (
        "A style may have a watermark of its own, or a rule for the label that tells readers "
        "of AI. Styles without one follow the site."
    )
