"""The words by which readers are told of AI: what ships, and finding those of a language."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.apps import apps as installed_apps

from imagegen.models import DisclosureText, ImageOutput

FALLBACK = "en"
MODEL = "{model}"
MODEL_IN_BRACKETS = re.compile(r"\s*[(\[]\{model\}[)\]]")
GENERATED, MODIFIED = ImageOutput.AiContent.GENERATED, ImageOutput.AiContent.MODIFIED


class Words(NamedTuple):
    """What readers are told of AI, in a language."""

    label: str
    sentence: str
    language: str


# Language -> label and sentence for generated, label and sentence for modified pictures.
SHIPPED: dict[str, tuple[str, str, str, str]] = {
    "en": (
        "AI-generated",
        "Picture generated with AI ({model}).",
        "Edited with AI",
        "Picture edited with AI ({model}).",
    ),
    "de": (
        "KI-generiert",
        "Bild mit KI erzeugt ({model}).",
        "Mit KI bearbeitet",
        "Bild mit KI bearbeitet ({model}).",
    ),
    "fr": (
        "Généré par IA",
        "Image générée par IA ({model}).",
        "Retouché par IA",
        "Image retouchée par IA ({model}).",
    ),
    "es": (
        "Generada con IA",
        "Imagen generada con IA ({model}).",
        "Editada con IA",
        "Imagen editada con IA ({model}).",
    ),
    "it": (
        "Generata con IA",
        "Immagine generata con l’IA ({model}).",
        "Modificata con IA",
        "Immagine modificata con l’IA ({model}).",
    ),
    "pt": (
        "Gerada por IA",
        "Imagem gerada por IA ({model}).",
        "Editada com IA",
        "Imagem editada com IA ({model}).",
    ),
    "nl": (
        "AI-gegenereerd",
        "Beeld gemaakt met AI ({model}).",
        "Bewerkt met AI",
        "Beeld bewerkt met AI ({model}).",
    ),
    "pl": (
        "Wygenerowane przez AI",
        "Obraz wygenerowany przez AI ({model}).",
        "Zmienione przez AI",
        "Obraz zmieniony przez AI ({model}).",
    ),
}


def shipped_words() -> dict[tuple[str, str], Words]:
    """The words that ship, by language and kind of AI content."""
    words: dict[tuple[str, str], Words] = {}
    for language, (made, made_sentence, edited, edited_sentence) in SHIPPED.items():
        words[language, GENERATED.value] = Words(made, made_sentence, language)
        words[language, MODIFIED.value] = Words(edited, edited_sentence, language)
    return words


def install_words(apps: Any = installed_apps) -> None:
    """Add the words that ship where a language has none; what is there is not touched.

    Runs after every migration. `apps` is the registry of the migration; without its table
    nothing happens.
    """
    try:
        model = apps.get_model("imagegen", "DisclosureText")
    except LookupError:
        return
    known = set(model.objects.values_list("language", "ai_content"))
    model.objects.bulk_create(
        [
            model(language=key[0], ai_content=key[1], label=words.label, sentence=words.sentence)
            for key, words in shipped_words().items()
            if key not in known
        ],
        ignore_conflicts=True,
    )


def languages_of(language: str) -> list[str]:
    """Where words are looked for, the first that has some counts: pt-br, pt, en."""
    language = language.lower().replace("_", "-")
    tried = [language, language.partition("-")[0], FALLBACK]
    return list(dict.fromkeys(code for code in tried if code))


class WordList:
    """The words for some languages, read with one query when they are first needed."""

    def __init__(self, languages: Iterable[str]) -> None:
        self._codes = {code for language in languages for code in languages_of(language)}
        self._words: dict[tuple[str, str], Words] | None = None

    def find(self, *, ai_content: str, language: str) -> Words:
        """The words for readers of `language`; `{model}` stands in the sentence."""
        if self._words is None:
            rows = DisclosureText.objects.filter(language__in=self._codes)
            found = rows.values_list("ai_content", "label", "sentence", "language")
            self._words = {(row[3], row[0]): Words(*row[1:]) for row in found}
        keys = [(code, ai_content) for code in languages_of(language)]
        words = next((self._words[key] for key in keys if key in self._words), None)
        return words or shipped_words()[FALLBACK, ai_content]


def with_model(sentence: str, model: str) -> str:
    """The sentence with the model's name in it.

    Where none is known the brackets round it go as well; a sentence that has it elsewhere
    would say nothing, and is left out.
    """
    if model:
        return sentence.replace(MODEL, model)
    bare = MODEL_IN_BRACKETS.sub("", sentence)
    return "" if MODEL in bare else bare
