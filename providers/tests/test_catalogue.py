from datetime import date

import pytest

from providers.catalogue import FOLDER, CatalogueError, read_catalogue
from providers.prices import describe_price, price_of
from providers.registry import get_provider_class
from providers.types import ConnectionConfig, ImageRequest, TextRequest

PICTURE = ImageRequest(prompt="A wall", model="m", width=1024, height=1024)
QUESTION = TextRequest(model="m", instructions="Write.", data="A wall", schema={})
KINDS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
ALL = [(kind, model) for kind in KINDS for model in read_catalogue(kind).models]
GOOD = """
kind: far
currency: USD
models:
  - name: a
    is_default: true
    price_rule: {kind: per_image, amount: 1, date: "2026-11-21", source: x}
  - {name: b, shutdown_at: 2026-12-01, successor: a, date: 2026-11-21, source: x}
"""


def ends_of(kind):
    return {
        model.name: (str(model.shutdown_at), model.successor)
        for model in read_catalogue(kind).models
        if model.shutdown_at
    }


def test_every_hosted_service_has_a_file():
    assert KINDS == ["bfl", "fal", "gemini", "openai", "replicate", "stability"]


@pytest.mark.parametrize("kind", KINDS)
def test_file_can_be_read(kind):
    assert read_catalogue(kind).currency == "USD"


@pytest.mark.parametrize(("kind", "model"), ALL, ids=[model.name for _, model in ALL])
def test_living_model_has_a_price_and_a_label(kind, model):
    assert model.label
    if model.shutdown_at is None:
        request = PICTURE if model.purpose == "image" else QUESTION
        price = price_of(model.price_rule, request)
        assert price.kind == "known" and 0 < price.high < 2
        assert not describe_price(model.price_rule).startswith("Cannot")


LIVING = [(kind, each) for kind, each in ALL if not each.shutdown_at and each.purpose == "image"]


@pytest.mark.parametrize(("kind", "model"), LIVING, ids=[model.name for _, model in LIVING])
def test_prices_speak_of_what_the_adapter_takes(kind, model):
    adapter = get_provider_class(kind)(ConnectionConfig(name=kind, kind=kind))
    taken = adapter.capabilities(model.name, model.capabilities)
    priced = set(model.price_rule.get("factors", {}))
    assert priced <= set(taken.qualities)
    assert set(taken.qualities) - {"auto"} == priced
    sizes = [tuple(map(int, size.split("x"))) for size in taken.sizes] or [(1024, 1024)]
    for width, height in sizes:
        request = ImageRequest(prompt="A wall", model="m", width=width, height=height)
        assert price_of(model.price_rule, request).high < 2


def test_ends_of_openai_are_told_with_successors():
    successor = "gpt-image-2.5-flare"
    assert ends_of("openai") == {
        "dall-e-2": ("2026-05-12", successor),
        "dall-e-3": ("2026-05-12", successor),
        "gpt-image-1": ("2026-10-23", successor),
        "gpt-image-1.5": ("2026-12-01", successor),
        "gpt-image-1-mini": ("2026-12-01", successor),
        "chatgpt-image-latest": ("2026-12-01", successor),
    }


@pytest.mark.parametrize(
    ("name", "quality", "expected"),
    [
        ("gpt-image-2", "medium", "0.0527"),
        ("gpt-image-2.5-flare", "medium", "0.0132"),
        ("gpt-image-2.5-sunburst", "max", "0.2107"),
    ],
)
def test_prices_of_gpt_image_are_the_listed_ones(name, quality, expected):
    (rule,) = (m.price_rule for m in read_catalogue("openai").models if m.name == name)
    request = ImageRequest.from_dict({**PICTURE.to_dict(), "quality": quality})
    assert f"{price_of(rule, request).low:.4f}" == expected


def read(tmp_path, text):
    (tmp_path / "far.yaml").write_text(text)
    return read_catalogue("far", tmp_path)


def test_good_file_is_read(tmp_path):
    models = read(tmp_path, GOOD).models
    assert [(m.name, m.is_default, m.shutdown_at) for m in models] == [
        ("a", True, None),
        ("b", False, date(2026, 12, 1)),
    ]


def test_kind_without_a_file_has_no_catalogue(tmp_path):
    assert read_catalogue("far", tmp_path) is None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("kind: far", "kind: near", "kind is near"),
        ("name: b", "name: a", "twice there: a"),
        ("successor: a", "successor: c", "successor c is not listed"),
        ("is_default: true", "is_default: false", "must be the default"),
        (", source: x}", "}", "no source for amount"),
        (', date: "2026-11-21"', "", "no date"),
        ("amount: 1", "amount: cheap", "a: The amount"),
        ("2026-11-21, source: x", "2026-11-21", "need a date and a source"),
        (" date: 2026-11-21,", "", "need a date and a source"),
        ("is_default: true", "is_default: true\n    capabilities: {seed: true}", "a: its end and"),
        ("2026-12-01", "soon", "written as YYYY-MM-DD"),
        ("name: b,", "name: b, colour: red,", "unknown name colour"),
        ("name: b,", "name: b, purpose: fun,", "purpose is image or text"),
        ("name: b,", "name: b, capabilities: {wings: 2},", "b: Unknown capability: wings"),
        ("source: x}", "source: x, sources: {low: y}}", "sources of what is not there: low"),
        ("models:", "shapes:", "'models'"),
    ],
)
def test_wrong_file_is_refused_with_name_and_reason(tmp_path, old, new, reason):
    with pytest.raises(CatalogueError, match=f"far.yaml: .*{reason}"):
        read(tmp_path, GOOD.replace(old, new, 1))
