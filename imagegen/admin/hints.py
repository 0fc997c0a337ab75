"""What the checks at arrival noticed, as the console shows it: a help to look, never a gate."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from imagegen.admin.display import chip
from imagegen.models import ImageOutput
from imagegen.services.wording import count_text


def hint_chip(output: ImageOutput) -> SafeString | str:
    """How many hints an image has, with their sentences on hovering; nothing for none."""
    if not output.hints:
        return ""
    word = count_text(len(output.hints), "hint")
    return chip("hint", word, " ".join(hint["text"] for hint in output.hints))


class HintFilter(admin.SimpleListFilter):
    """Whether the checks at arrival noticed something."""

    title = "hints"
    parameter_name = "hints"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [("yes", "Has hints"), ("no", "None")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "yes":
            return queryset.exclude(hints=[])
        return queryset.filter(hints=[]) if self.value() == "no" else queryset
