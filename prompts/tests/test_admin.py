"""The admin: lists that stay cheap, saving through services, the exact prompt."""

import pytest
from django.urls import reverse

from prompts.compose import compose
from prompts.models import (
    ImagePrompt,
    ImagePromptExample,
    ImageSetting,
    ImageStyle,
    PromptTemplate,
    RoleDefault,
)

pytestmark = pytest.mark.django_db
MODELS = (
    "imagestyle",
    "imageformat",
    "prompttemplate",
    "imagesetting",
    "imagepromptexample",
    "roledefault",
    "imageprompt",
)


@pytest.fixture
def admin(client, administrator):
    client.force_login(administrator)
    return client


def url(model: str, page: str = "changelist", *args) -> str:
    return reverse(f"admin:prompts_{model}_{page}", args=args)


def form_data(response) -> dict:
    """What a browser would send back from a change page."""
    form = response.context["adminform"].form
    data = {name: form[name].value() for name in form.fields}
    for formset in response.context["inline_admin_formsets"]:
        data |= {
            f"{formset.formset.prefix}-{name}": value
            for name, value in formset.formset.management_form.initial.items()
        }
    return {name: value for name, value in data.items() if value not in (None, False)}


@pytest.mark.parametrize("model", MODELS)
def test_lists_stay_cheap(admin, model, django_assert_max_num_queries):
    ImagePrompt.objects.store(compose(template_text="A wall", values={}))
    with django_assert_max_num_queries(10):
        response = admin.get(url(model))
    assert response.status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_lists_can_be_searched(admin, model):
    assert admin.get(url(model), {"q": "gouache"}).status_code == 200


@pytest.mark.parametrize("model", MODELS[:-2])
def test_pages_need_permission(client, stranger, model):
    client.force_login(stranger)
    assert client.get(url(model)).status_code == 403
    assert client.get(url(model, "add")).status_code == 403


@pytest.mark.parametrize("model", MODELS[:5])
def test_empty_forms_open(admin, model):
    assert admin.get(url(model, "add")).status_code == 200


def test_style_list_shows_colours(admin):
    page = admin.get(url("imagestyle")).content.decode()
    assert '<i style="background:#fbf1dd" title="#fbf1dd"></i>' in page


def test_inactive_style_is_not_offered(admin):
    ImageStyle.objects.filter(slug="linocut").update(is_active=False)
    asked = {"app_label": "prompts", "model_name": "imagesetting", "field_name": "style"}
    found = admin.get(reverse("admin:autocomplete"), asked | {"term": "lino"}).json()
    assert found["results"] == []
    assert "Linocut" in admin.get(url("imagestyle"), {"q": "lino"}).content.decode()


def test_saving_a_style_raises_its_version(admin):
    style = ImageStyle.objects.get(slug="gouache")
    page = url("imagestyle", "change", style.pk)
    data = form_data(admin.get(page)) | {"palette": "#ffffff, #777777 #000000"}
    assert admin.post(page, data).status_code == 302
    style.refresh_from_db()
    assert (style.version, style.palette) == (2, ["#ffffff", "#777777", "#000000"])


def test_saving_a_style_unchanged_keeps_its_version(admin):
    style = ImageStyle.objects.get(slug="gouache")
    page = url("imagestyle", "change", style.pk)
    assert admin.post(page, form_data(admin.get(page))).status_code == 302
    style.refresh_from_db()
    assert style.version == 1


def test_wrong_colour_is_told_beside_the_field(admin):
    style = ImageStyle.objects.get(slug="gouache")
    page = url("imagestyle", "change", style.pk)
    response = admin.post(page, form_data(admin.get(page)) | {"palette": "#fff red"})
    assert "is not a colour" in response.content.decode()


def test_template_page_shows_the_exact_prompt(admin):
    template = PromptTemplate.objects.get(slug="hero")
    page = admin.get(url("prompttemplate", "change", template.pk)).content.decode()
    assert '<span class="origin-post" title="post.title">A winter of drystone walls</span>' in page
    assert '<span class="origin-style" title="Gouache, version 1">' in page
    assert "{section.heading}" in page


def test_template_that_cannot_be_filled_in_says_why(admin):
    template = PromptTemplate.objects.get(slug="hero")
    PromptTemplate.objects.filter(pk=template.pk).update(text="{section.text}")
    page = admin.get(url("prompttemplate", "change", template.pk)).content.decode()
    assert "asks for {section.text}" in page


def test_template_with_unknown_placeholder_is_told_beside_the_field(admin):
    template = PromptTemplate.objects.get(slug="hero")
    page = url("prompttemplate", "change", template.pk)
    response = admin.post(page, form_data(admin.get(page)) | {"text": "{post.titel}"})
    assert "Did you mean {post.title}?" in response.content.decode()


def test_new_default_template_moves_the_mark(admin):
    template = PromptTemplate.objects.get(slug="hero-metaphor")
    page = url("prompttemplate", "change", template.pk)
    data = form_data(admin.get(page)) | {"is_default": "on"}
    assert admin.post(page, data).status_code == 302
    assert PromptTemplate.objects.get(role="hero", is_default=True) == template


def test_setting_is_saved_by_the_service(admin):
    setting = ImageSetting.objects.get(slug="diffusion-quick")
    page = url("imagesetting", "change", setting.pk)
    assert admin.post(page, form_data(admin.get(page)) | {"steps": 21}).status_code == 302
    setting.refresh_from_db()
    assert (setting.steps, setting.version) == (21, 2)


def test_example_page_shows_the_exact_prompt(admin):
    example = ImagePromptExample.objects.get(slug="still-life-for-the-post")
    page = admin.get(url("imagepromptexample", "change", example.pk)).content.decode()
    assert 'class="origin-example"' in page


def test_a_fourth_default_cannot_be_added(admin):
    assert admin.get(url("roledefault", "add")).status_code == 403


def test_default_in_use_is_not_deleted_and_the_page_says_why(admin):
    setting = RoleDefault.objects.get(role="hero").setting
    page = admin.get(url("imagesetting", "delete", setting.pk)).content.decode()
    assert "protected" in page


def test_stored_prompt_is_read_only_and_escaped(admin):
    prompt = ImagePrompt.objects.store(compose(template_text="A <b>wall</b>", values={}))
    page = url("imageprompt", "change", prompt.pk)
    assert "A &lt;b&gt;wall&lt;/b&gt;" in admin.get(page).content.decode()
    assert admin.post(page, {"text": "x"}).status_code == 403
    assert admin.post(url("imageprompt", "delete", prompt.pk)).status_code == 403


def test_size_that_snaps_is_told_when_a_setting_is_saved(admin):
    setting = ImageSetting.objects.get(slug="house-section")
    setting.model.capabilities = {"multiple_of": 100}
    setting.model.save()
    fields = {"name": setting.name, "slug": setting.slug, "model": setting.model_id}
    fields |= {"width": 640, "height": 416, "seed_policy": "random", "extra_settings": "{}"}
    page = admin.post(f"/admin/prompts/imagesetting/{setting.pk}/change/", fields, follow=True)
    assert "Size 640×416 becomes 600×400" in page.content.decode()
