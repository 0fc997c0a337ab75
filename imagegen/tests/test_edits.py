"""Crops, focal points, edits by a provider: new images with their parent, nothing overwritten."""

import json
import math
from dataclasses import replace

import pytest
from PIL import Image

from imagegen.errors import NotPermitted, Refused
from imagegen.imaging.cutting import mask_of, pixels
from imagegen.imaging.xmp import read_packet
from imagegen.models import Attempt, GenerationJob, ReviewEvent
from imagegen.services import edits, engine, outputs
from imagegen.services.doctor.sidecars import sidecar_from_rows
from imagegen.services.review import approve_output
from imagegen.storage import hash_file, local_copy, originals
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub
from imagegen.tests.rows import make_output
from providers.models import Connection, ImageModel

pytestmark = pytest.mark.django_db
QUARTER = (0.5, 0.5, 0.5, 0.5)


@pytest.fixture
def stub(tmp_path):
    return make_stub(tmp_path, full_size=True)


@pytest.fixture
def output(stub):
    """A stored picture of 1536x1024 or so."""
    slot = hero_of(make_post(published=True))
    make_batch([slot], stub)
    engine.work()
    return slot.outputs.get()


@pytest.fixture
def model(stub):
    return ImageModel.objects.select_related("connection").get(connection=stub)


def test_crop_is_a_new_candidate_with_its_parent(output, editor):
    made = edits.crop_output(output=output, region=QUARTER, user=editor)
    assert (made.parent, made.kind, made.state) == (output, "edited", "candidate")
    assert (made.width, made.height) == (output.width // 2, output.height // 2)


def test_crop_leaves_the_original_untouched(output, editor):
    edits.crop_output(output=output, region=QUARTER, user=editor)
    assert hash_file(originals(), output.path) == output.sha256


def test_crop_keeps_what_is_known_and_marked(output, editor):
    made = edits.crop_output(output=output, region=QUARTER, user=editor)
    known = ("prompt", "digital_source_type", "ai_content", "description", "slot")
    assert [getattr(made, name) for name in known] == [getattr(output, name) for name in known]


def test_file_of_a_crop_bears_the_mark_of_the_whole(output, editor):
    made = edits.crop_output(output=output, region=QUARTER, user=editor)
    with local_copy(originals(), made.path) as path:
        assert read_packet(path) == {"digital_source_type": output.digital_source_type}


def test_crop_loses_no_pixel(output, editor):
    made = edits.crop_output(output=output, region=QUARTER, user=editor)
    with originals().open(output.path) as whole, originals().open(made.path) as part:
        left, top = output.width // 2, output.height // 2
        wanted = Image.open(whole).convert("RGB").crop((left, top, output.width, output.height))
        assert Image.open(part).convert("RGB").tobytes() == wanted.tobytes()


def test_sidecar_of_a_crop_can_be_written_again(output, editor):
    made = edits.crop_output(output=output, region=QUARTER, user=editor)
    first = json.loads(originals().open(outputs.sidecar_path(made.path)).read())
    again = sidecar_from_rows(made)
    kept = ("parent", "edit", "edited_by")
    assert [again[name] for name in kept] == [first[name] for name in kept]


def test_crop_is_in_the_history(output, editor):
    made = edits.crop_output(output=output, region=QUARTER, user=editor, note="Closer")
    event = ReviewEvent.objects.get(action="edit")
    assert (event.output, event.made_by, event.note) == (made, editor, "Closer")


@pytest.mark.parametrize(
    "region",
    [
        (0, 0, 0, 0),
        (0.5, 0.5, 0.6, 0.5),
        (-0.1, 0, 0.5, 0.5),
        (0, 0, math.nan, 1),
        (0, 0, 1),
        (0, 0, 0.001, 1),
    ],
)
def test_region_that_is_none_is_refused(region):
    with pytest.raises(Refused):
        edits.check_region(region)


def test_crop_that_leaves_too_little_is_refused(output, editor):
    with pytest.raises(Refused, match="64 pixels"):
        edits.crop_output(output=output, region=(0, 0, 0.02, 1), user=editor)


def test_reviewers_may_not_crop(output, reviewer):
    with pytest.raises(NotPermitted):
        edits.crop_output(output=output, region=QUARTER, user=reviewer)


def test_focal_point_is_kept_and_told(output, editor):
    edits.set_focus(output=output, x=0.25, y=0.75, user=editor)
    assert (output.focal_x, output.focal_y, output.focal_by_hand) == (0.25, 0.75, True)
    assert ReviewEvent.objects.get(action="focus").note == "25% from the left, 75% from the top."


def test_focal_point_of_a_shown_picture_makes_its_copies_anew(output, editor):
    approve_output(output=output, user=editor)
    output.slot.publication_due = False
    output.slot.save(update_fields=["publication_due"])
    edits.set_focus(output=output, x=0.1, y=0.1, user=editor)
    output.slot.refresh_from_db()
    assert output.slot.publication_due


@pytest.mark.parametrize(("x", "y"), [(-0.1, 0.5), (0.5, 1.1), (math.nan, 0.5)])
def test_focal_point_outside_is_refused(output, editor, x, y):
    with pytest.raises(Refused):
        edits.set_focus(output=output, x=x, y=y, user=editor)


def edit(output, model, user, **more):
    plan = edits.plan_edit(output=output, model=model, instruction="Make it evening", **more)
    edits.create_edit(plan=plan, user=user, door="admin")
    engine.work()
    return output.children.get()


def test_provider_edits_from_the_original(output, model, editor):
    made = edit(output, model, editor)
    assert (made.kind, made.edit["by"], made.prompt_text) == (
        "edited",
        "provider",
        "Make it evening",
    )
    attempt = Attempt.objects.get(job__parent=output)
    assert attempt.job.request["reference_images"] == [f"image:{output.uuid}"]


def test_picture_of_a_person_that_a_model_changed_is_a_composite(
    output, model, editor, monkeypatch
):
    output.digital_source_type = "digitalCapture"
    output.save(update_fields=["digital_source_type"])
    adapter = type(model.connection.adapter())
    generate = adapter.generate

    def paint(self, *request):
        answer = generate(self, *request)
        return replace(answer, digital_source_type="trainedAlgorithmicMedia")

    monkeypatch.setattr(adapter, "generate", paint)
    made = edit(output, model, editor)
    assert made.digital_source_type == "compositeWithTrainedAlgorithmicMedia"
    assert made.ai_content == "modified"


def test_mask_is_refused_where_the_model_takes_none(output, model):
    with pytest.raises(Refused, match="mask"):
        edits.plan_edit(output=output, model=model, instruction="Evening", region=QUARTER)


def test_model_that_takes_masks_gets_one_of_the_pictures_size(output, model, editor, monkeypatch):
    model.capabilities = {"mask": True}
    model.save()
    seen = []
    submit = type(model.connection.adapter()).submit

    def watch(self, request, key, sink):
        with Image.open(request.mask) as mask:
            corner = (mask.width - 1, mask.height - 1)
            seen.append((mask.size, mask.getpixel((0, 0))[3], mask.getpixel(corner)[3]))
        return submit(self, request, key, sink)

    monkeypatch.setattr(type(model.connection.adapter()), "submit", watch)
    edit(output, model, editor, region=QUARTER)
    assert seen == [((output.width, output.height), 255, 0)]


def test_edit_without_words_is_refused(output, model):
    with pytest.raises(Refused, match="should be different"):
        edits.plan_edit(output=output, model=model, instruction="  ")


def test_models_that_cannot_edit_are_not_offered(output, model):
    assert edits.editing_models() == [model]


def test_edit_of_a_removed_picture_costs_nothing(output, model, editor):
    plan = edits.plan_edit(output=output, model=model, instruction="Evening")
    edits.create_edit(plan=plan, user=editor, door="admin")
    output.delete()
    engine.work()
    job = GenerationJob.objects.get(batch__kind="edit")
    assert (job.state, job.attempts.get().state) == ("failed", "failed")


def test_lineage_is_a_tree_from_the_root(output):
    child = make_output(output.slot, parent=output)
    grandchild = make_output(output.slot, parent=child)
    other = make_output(output.slot, parent=output)
    tree = [(0, output), (1, child), (2, grandchild), (1, other)]
    assert edits.lineage(grandchild) == tree


def test_lineage_of_a_single_picture_is_empty(output):
    assert edits.lineage(output) == []


def test_lineage_that_bites_its_tail_ends(output):
    child = make_output(output.slot, parent=output)
    output.parent = child
    output.save(update_fields=["parent"])
    assert len(edits.lineage(output)) == 2


def test_region_in_pixels_lies_inside():
    assert pixels((0.999, 0.999, 0.02, 0.02), (10, 10)) == (9, 9, 10, 10)


def test_mask_is_transparent_inside_alone(tmp_path):
    Image.new("RGB", (160, 80), "red").save(tmp_path / "a.png")
    mask_of(str(tmp_path / "a.png"), str(tmp_path / "m.png"), (0.5, 0, 0.5, 1))
    with Image.open(tmp_path / "m.png") as mask:
        assert (mask.getpixel((79, 40))[3], mask.getpixel((80, 40))[3]) == (255, 0)


def address_of(output, name="edit"):
    return f"/admin/imagegen/imageoutput/{output.pk}/{name}/"


def test_page_cuts_the_part_that_was_chosen(client, output, editor):
    client.force_login(editor)
    part = {"left": 0, "top": 0, "width": 50, "height": 50, "crop": 1}
    client.post(address_of(output), part)
    assert output.children.get().width == output.width // 2


def test_page_sets_the_focal_point(client, output, editor):
    client.force_login(editor)
    client.post(address_of(output), {"x": 20, "y": 30, "focus": 1})
    output.refresh_from_db()
    assert (output.focal_x, output.focal_y) == (0.2, 0.3)


def test_page_shows_the_cost_before_it_asks(client, output, model, editor):
    client.force_login(editor)
    form = {"left": 0, "top": 0, "width": 100, "height": 100, "repaint": 1}
    form |= {"instruction": "Make it evening", "model": model.pk}
    page = client.post(address_of(output), form)
    assert not GenerationJob.objects.filter(parent=output).exists()
    client.post(address_of(output), {**form, "seen_cost": page.context["cost"]})
    assert GenerationJob.objects.filter(parent=output).count() == 1


def test_page_says_what_is_wrong_with_a_part(client, output, editor):
    client.force_login(editor)
    part = {"left": 90, "top": 0, "width": 50, "height": 50, "crop": 1}
    form = client.post(address_of(output), part).context["region_form"]
    assert "must lie inside" in str(form.non_field_errors())


def test_page_says_why_no_provider_can_change_the_picture(client, output, model, editor):
    Connection.objects.filter(pk=model.connection_id).update(secret_name="LACKING_KEY")
    client.force_login(editor)
    page = client.get(address_of(output))
    assert page.context["repaint_form"] is None and "its secret is missing" in page.text


def test_page_is_closed_to_strangers(client, output, stranger):
    stranger.is_staff = True
    stranger.save()
    client.force_login(stranger)
    assert client.get(address_of(output)).status_code == 403


def test_page_of_an_image_shows_where_it_came_from(client, output, editor):
    child = make_output(output.slot, parent=output, edit={"by": "crop"})
    client.force_login(editor)
    page = client.get(address_of(child, "change")).content.decode()
    assert "Cut out" in page and "Lineage" in page
