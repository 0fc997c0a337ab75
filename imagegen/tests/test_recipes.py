"""What an output needs in a place, as recipes."""

import pytest

from imagegen.models import ImageOutput
from imagegen.services import recipes
from prompts.models import ImageStyle


def output(width: int = 1536, height: int = 1024, **fields) -> ImageOutput:
    columns = {
        "kind": "generated", "sha256": "ab" * 32, "model_name": "painter-1",
        "description": "A wall of stones", "prompt_text": "Draw a wall",
        "digital_source_type": "trainedAlgorithmicMedia", **fields,
    }  # fmt: skip
    return ImageOutput(width=width, height=height, **columns)


@pytest.mark.parametrize(
    ("width", "widths"),
    [
        (120, [120]),
        (320, [320]),
        (1536, [320, 640, 960, 1280, 1536]),
        (1700, [320, 640, 960, 1280, 1600, 1700]),
        (4096, [320, 640, 960, 1280, 1600, 2400]),
    ],
)
def test_widths_never_exceed_the_source_nor_what_a_page_shows(width, widths):
    assert recipes.widths_for(width) == widths


def test_page_gets_each_width_in_avif_and_jpeg():
    variants = {variant for _, variant in recipes.web_recipes(output(640), None)}
    assert variants == {"320.avif", "320.jpg", "640.avif", "640.jpg"}


def test_webp_comes_by_setting(settings):
    settings.PICTURE_WEBP = True
    variants = [variant for _, variant in recipes.web_recipes(output(320), None)]
    assert variants == ["320.avif", "320.webp", "320.jpg"]


def test_recipe_says_all_that_goes_into_the_file(settings):
    settings.SITE_NAME = "The Long Field"
    mark = {"text": "©"}
    assert recipes.web_recipes(output(320), mark)["web", "320.jpg"] == {
        "version": 2,
        "original": "ab" * 32,
        "crop": None,
        "width": 320,
        "format": "JPEG",
        "watermark": mark,
        "card": None,
        "facts": {
            "digital_source_type": "trainedAlgorithmicMedia",
            "alt": "A wall of stones",
            "language": "",
            "creator": "The Long Field",
            "credit": "The Long Field",
            "model": "painter-1",
        },
    }


def test_picture_of_a_person_names_no_model_and_no_creator():
    facts = recipes.web_recipes(output(kind="uploaded"), None)["web", "320.jpg"]["facts"]
    assert (facts["model"], facts["creator"]) == ("", "")


def test_prompt_is_never_part_of_a_file():
    assert "Draw a wall" not in str(recipes.web_recipes(output(), None))


@pytest.mark.parametrize(
    ("size", "width"), [((1536, 1024), 1200), ((1024, 1024), 1024), ((1536, 315), 600)]
)
def test_social_card_is_cut_around_the_focal_point_and_never_enlarged(size, width):
    made = recipes.social_recipe(output(*size, focal_x=0.25, focal_y=0.75), None)
    recipe = made["social", f"{width}.jpg"]
    assert (recipe["crop"], recipe["focal"]) == ([1200, 630], [0.25, 0.75])


def test_card_with_a_title_has_the_sites_name_instead_of_a_watermark(settings):
    settings.SITE_NAME = "The Long Field"
    recipe = recipes.social_recipe(output(64, 64), {"text": "©"}, title="Walls")[
        "social", "1200.jpg"
    ]
    assert recipe["card"] == {"title": "Walls", "site": "The Long Field", "palette": []}
    assert recipe["watermark"] is None


@pytest.mark.django_db
@pytest.mark.parametrize("version", [1, 9, None], ids=["pinned", "unknown", "none"])
def test_card_takes_the_colours_of_the_style(version):
    palette = ["#102030", "#405060", "#708090", "#a0b0c0", "#d0e0f0"]
    ImageStyle.objects.create(name="Pen", slug="pen", fragment="pen", palette=palette)
    drawn = output(style_name="Pen", style_version=version)
    assert recipes.style_palette(drawn) == palette


def test_hero_gets_other_shapes_where_a_theme_asks(settings):
    settings.HERO_CROPS = ["square", "portrait"]
    made = recipes.place_recipes("hero", output(), None)
    assert made["square", "1024.avif"]["crop"] == [1, 1]
    assert made["portrait", "819.jpg"]["crop"] == [4, 5]
    assert {purpose for purpose, _ in recipes.place_recipes("section", output(), None)} == {"web"}


def test_equal_recipes_have_equal_hashes_whatever_their_order():
    first, second = {"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}
    assert recipes.recipe_hash(first) == recipes.recipe_hash(second)
    assert recipes.recipe_hash(first) != recipes.recipe_hash({"a": 1, "b": [2, 1]})


@pytest.mark.parametrize(
    "change",
    [{"sha256": "cd" * 32}, {"description": "A hedge"}, {"digital_source_type": "digitalCapture"}],
)
def test_changed_original_or_facts_make_other_recipes(change):
    one = recipes.web_recipes(output(320), None)["web", "320.jpg"]
    other = recipes.web_recipes(output(320, **change), None)["web", "320.jpg"]
    assert recipes.recipe_hash(one) != recipes.recipe_hash(other)
