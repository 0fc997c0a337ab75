"""The console's pages of watermarks: the list, the form with its preview, the logo."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from imagegen.models import ImageSlot, StyleTreatment, WatermarkProfile
from imagegen.services import watermark_files
from imagegen.storage import originals
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.rows import make_choice, make_output
from imagegen.tests.stored import in_this_process as pool_in_this_process  # noqa: F401
from imagegen.tests.stored import put_output
from imagegen.tests.test_watermarks import in_this_process, make_profile  # noqa: F401
from prompts.models import ImageStyle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]
ADD = reverse("admin:imagegen_watermarkprofile_add")
LIST = reverse("admin:imagegen_watermarkprofile_changelist")
PROOF = reverse("admin:imagegen_watermarkprofile_proof")
LOOK = {"kind": "text", "text": "© House", "position": "right", "margin": "3"}


@pytest.fixture
def console(client, administrator):
    client.force_login(administrator)
    return client


def logo_file(mode="RGBA", format="PNG", data=b"") -> SimpleUploadedFile:
    image = Image.new(mode, (80, 40))
    image.paste("#3050a0", (10, 10, 70, 30))
    return SimpleUploadedFile("logo.png", data or made.encoded(image, format), "image/png")


def form(**fields) -> dict:
    return {"name": "House", **LOOK, "is_active": "on", **fields}


def page_of(profile: WatermarkProfile) -> str:
    return reverse("admin:imagegen_watermarkprofile_change", args=[profile.pk])


# --- The form -------------------------------------------------------------------------------


def test_watermark_is_added_with_standard_measures(console):
    console.post(ADD, form())
    profile = WatermarkProfile.objects.get()
    assert (profile.slug, profile.margin) == ("house", 0.03)
    assert (profile.size, profile.opacity) == (0.035, 0.72)


def test_new_form_offers_the_standard_margin(console):
    fields = console.get(ADD).context["adminform"].form
    assert [fields[name].value() for name in ("margin", "size", "opacity")] == ["3", None, None]


def test_new_form_begins_with_the_name_of_the_site(console, settings):
    settings.SITE_NAME = "The Long Field"
    answer = console.get(ADD)
    assert "© The Long Field" in answer.content.decode()
    assert console.get(answer.context["proof_url"]).status_code == 200


def test_tiled_watermark_is_faint_by_itself(console):
    console.post(ADD, form(position="tiled"))
    assert WatermarkProfile.objects.get().opacity == 0.22


def test_percentages_are_kept_as_shares(console):
    console.post(ADD, form(size="5.5", opacity="40", margin="0"))
    profile = WatermarkProfile.objects.get()
    assert (profile.margin, profile.size, profile.opacity) == (0.0, 0.055, 0.4)


def test_form_shows_percentages(console):
    answer = console.get(page_of(make_profile(opacity=0.4)))
    assert 'name="opacity" value="40"' in answer.content.decode()


def test_measure_out_of_range_is_said_in_percent(console):
    answer = console.post(ADD, form(opacity="140"))
    assert "less than or equal to 100" in answer.content.decode()
    assert 'value="140"' in answer.content.decode()


def test_change_raises_the_version_and_makes_places_due(console):
    profile = make_profile(is_default=True)
    make_choice(hero_of(make_post(published=True)))
    ImageSlot.objects.update(publication_due=False)
    console.post(page_of(profile), form(opacity="30", is_default="on"))
    profile.refresh_from_db()
    assert profile.version == 2
    assert ImageSlot.objects.filter(publication_due=True).exists()


def test_site_watermark_moves_without_complaint(console):
    first = make_profile("First", is_default=True)
    console.post(ADD, form(is_default="on"))
    first.refresh_from_db()
    assert not first.is_default
    assert WatermarkProfile.objects.get(name="House").is_default


def test_letters_that_the_fonts_lack_are_named_at_the_text(console):
    answer = console.post(ADD, form(text="© Жук"))
    assert "not “Жук”" in answer.content.decode()
    assert not WatermarkProfile.objects.exists()


def test_removed_in_the_admin_by_the_service(console):
    profile = make_profile(is_default=True)
    make_choice(hero_of(make_post(published=True)))
    ImageSlot.objects.update(publication_due=False)
    delete = reverse("admin:imagegen_watermarkprofile_delete", args=[profile.pk])
    console.post(delete, {"post": "yes"})
    assert not WatermarkProfile.objects.exists()
    assert ImageSlot.objects.filter(publication_due=True).exists()


# --- Logos ----------------------------------------------------------------------------------


def test_logo_is_kept_as_it_came(console):
    file = logo_file()
    console.post(ADD, form(kind="logo", text="", logo=file))
    profile = WatermarkProfile.objects.get()
    file.seek(0)
    assert profile.logo_path == f"watermarks/{profile.logo_sha256}.png"
    assert originals().open(profile.logo_path).read() == file.read()
    assert profile.size == 0.15


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({"data": made.SVG}, "The logo is an SVG. Send it as a PNG"),
        ({"format": "WEBP"}, "The logo is a WEBP"),
        ({"mode": "RGB"}, "no clear parts"),
        ({"data": made.encoded(Image.new("RGBA", (40, 40)))}, "all of it is clear"),
        ({"data": made.png()[:-30]}, "cut off"),
        ({"data": bytes(2 * 1024 * 1024 + 1)}, "2 MB at most"),
    ],
)
def test_unusable_logo_is_refused_at_its_field(console, file, words):
    answer = console.post(ADD, form(kind="logo", logo=logo_file(**file)))
    assert words in answer.context["adminform"].form.errors["logo"][0]
    assert not originals().exists("watermarks")


def test_logo_watermark_needs_a_logo(console):
    answer = console.post(ADD, form(kind="logo"))
    assert answer.context["adminform"].form.errors["logo"] == ["Choose a file for the logo."]


def test_change_of_the_look_keeps_the_logo(console):
    console.post(ADD, form(kind="logo", logo=logo_file()))
    profile = WatermarkProfile.objects.get()
    console.post(page_of(profile), form(kind="logo", opacity="50"))
    profile.refresh_from_db()
    assert profile.logo_path and profile.version == 2


# --- The preview ----------------------------------------------------------------------------


def drawn(answer) -> Image.Image:
    assert answer["Content-Type"] == "image/jpeg"
    return Image.open(io.BytesIO(answer.content))


def test_preview_shows_the_values_of_the_form(console):
    strong, faint = (console.get(PROOF, {**LOOK, "opacity": share}) for share in ("90", "10"))
    assert drawn(strong).width == 640
    assert strong.content != faint.content


@pytest.mark.usefixtures("pool_in_this_process")
def test_preview_on_a_picture_of_the_site(console):
    output = put_output(hero_of(make_post()), data=made.png(3, (600, 400)))
    answer = console.get(PROOF, {**LOOK, "output": output.pk})
    assert drawn(answer).size == (600, 400)


def test_preview_with_the_stored_logo(console):
    console.post(ADD, form(kind="logo", logo=logo_file()))
    profile = WatermarkProfile.objects.get()
    assert drawn(console.get(PROOF, {**LOOK, "kind": "logo", "profile": profile.pk}))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"text": "本"}, "Latin letters only"),
        ({"kind": "logo"}, "Choose a file"),
        ({"opacity": "400"}, "less than or equal to 100"),
        ({"output": "999"}, "no image 999"),
        ({"sample": "../secret"}, "no sample"),
    ],
)
def test_preview_that_cannot_be_is_a_sentence(console, values, words):
    answer = console.get(PROOF, {**LOOK, **values})
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_preview_changes_nothing(console):
    profile = make_profile()
    console.get(PROOF, {**LOOK, "text": "Another", "profile": profile.pk})
    profile.refresh_from_db()
    assert profile.text == "© The house"


def test_preview_button_works_without_a_script(console):
    profile = make_profile()
    answer = console.post(page_of(profile), form(text="Typed", sample="dark", _preview="1"))
    assert "text=Typed" in answer.context["proof_url"]
    assert "sample=dark" in answer.context["proof_url"]
    assert "Please correct" not in answer.content.decode()
    profile.refresh_from_db()
    assert profile.text == "© The house"


# --- Who may --------------------------------------------------------------------------------


def test_editors_look_but_change_nothing(client, editor):
    client.force_login(editor)
    profile = make_profile()
    assert client.get(page_of(profile)).status_code == 200
    assert client.get(PROOF, LOOK).status_code == 200
    assert client.post(page_of(profile), form()).status_code == 403
    assert client.get(ADD).status_code == 403


def test_who_may_only_look_tries_it_on_other_samples(client, editor):
    client.force_login(editor)
    answer = client.get(PROOF, {"profile": make_profile().pk, "sample": "dark"})
    assert drawn(answer).width == 640


def test_strangers_get_no_preview(client, stranger):
    client.force_login(stranger)
    assert client.get(PROOF, LOOK).status_code == 403


def test_list_tells_where_each_is_shown(console):
    make_profile(is_default=True)
    make_choice(hero_of(make_post()))
    text = console.get(LIST).content.decode()
    assert "1 place, 1 to be published anew" in text
    assert "the site’s own" in text


def test_archive_is_applied_again_from_the_list(console):
    profile = make_profile(is_default=True)
    make_choice(hero_of(make_post()))
    ImageSlot.objects.update(publication_due=False)
    chosen = {"action": "reapply_selected", "_selected_action": [profile.pk]}
    answer = console.post(LIST, chosen, follow=True)
    assert "1 watermark applied again" in answer.content.decode()
    assert ImageSlot.objects.filter(publication_due=True).count() == 1


def test_progress_stands_on_the_page(console):
    profile = make_profile(is_default=True)
    make_choice(hero_of(make_post()))
    assert "data-follow" in console.get(page_of(profile)).content.decode()


def test_a_child_process_draws_the_preview(console, monkeypatch):
    called = []
    monkeypatch.setattr(
        watermark_files, "run_in_child", lambda function, *args, **more: called.append(function)
    )
    console.get(PROOF, LOOK)
    assert [function.__name__ for function in called] == ["unsettable", "draw_proof"]


# --- Images ---------------------------------------------------------------------------------

IMAGES = reverse("admin:imagegen_imageoutput_changelist")


def image_page(output, name="change") -> str:
    return reverse(f"admin:imagegen_imageoutput_{name}", args=[output.pk])


@pytest.fixture
def output():
    return make_choice(hero_of(make_post()))


@pytest.fixture
def desk(client, editor):
    client.force_login(editor)
    return client


def test_image_says_with_which_watermark_it_is_seen(desk, output):
    make_profile(is_default=True)
    text = desk.get(image_page(output)).content.decode()
    assert "Readers see it with “House”" in text
    assert "as the site says" in text


def test_image_is_set_and_undone_on_its_page(desk, output):
    profile = make_profile()
    desk.post(image_page(output, "watermark"), {"watermark": profile.pk})
    output.refresh_from_db()
    assert (output.watermarking, output.watermark) == ("profile", profile)
    assert (
        "Undo: back to what the style or the site says"
        in desk.get(image_page(output)).content.decode()
    )
    desk.post(image_page(output, "unwatermark"))
    output.refresh_from_db()
    assert (output.watermarking, output.watermark) == ("inherit", None)


def test_looking_at_the_address_changes_nothing(desk, output):
    assert desk.get(image_page(output, "watermark")).status_code == 405


def test_many_are_asked_for_and_counted(desk, output):
    other = make_output(None, watermarking="none")
    chosen = {"action": "watermark_selected", "_selected_action": [output.pk, other.pk]}
    asked = desk.post(IMAGES, chosen)
    assert "With which watermark" in asked.content.decode()
    answer = desk.post(IMAGES, {**chosen, "watermarking": "1", "watermark": "none"}, follow=True)
    assert "1 image changed, 1 skipped, 0 failed." in answer.content.decode()
    output.refresh_from_db()
    assert output.watermarking == "none"


def test_no_choice_is_no_change(desk, output):
    chosen = {"action": "watermark_selected", "_selected_action": [output.pk]}
    answer = desk.post(IMAGES, {**chosen, "watermarking": "1"})
    assert "Choose one." in answer.content.decode()


def test_strangers_change_no_image(client, stranger, output):
    client.force_login(stranger)
    answer = client.post(image_page(output, "watermark"), {"watermark": "none"})
    assert answer.status_code == 403


# --- Treatments of styles -------------------------------------------------------------------

TREATMENTS = reverse("admin:imagegen_styletreatment_add")


@pytest.fixture
def style():
    return ImageStyle.objects.create(name="Ink wash", slug="ink-wash", fragment="in ink")


def test_watermark_of_a_style_makes_its_pictures_due(console, style):
    profile = make_profile()
    make_choice(hero_of(make_post()), style_name="Ink wash")
    ImageSlot.objects.update(publication_due=False)
    console.post(TREATMENTS, {"style": style.pk, "label": "site", "watermark": profile.pk})
    assert ImageSlot.objects.filter(publication_due=True).count() == 1


def test_removed_treatment_makes_its_pictures_due(console, style):
    row = StyleTreatment.objects.create(style=style, watermark=make_profile())
    make_choice(hero_of(make_post()), style_name="Ink wash")
    ImageSlot.objects.update(publication_due=False)
    console.post(reverse("admin:imagegen_styletreatment_delete", args=[row.pk]), {"post": "yes"})
    assert ImageSlot.objects.filter(publication_due=True).count() == 1


def test_watermark_and_none_at_once_are_refused(console, style):
    both = {"watermark": make_profile().pk, "without_watermark": "on"}
    answer = console.post(TREATMENTS, {"style": style.pk, "label": "site", **both})
    assert "not both" in answer.content.decode()
