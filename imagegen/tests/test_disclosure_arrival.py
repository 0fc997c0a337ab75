"""What is known of AI in a picture when it comes in: its mark, and its own manifest."""

import json

import pytest
from django.core.files.base import ContentFile

from imagegen.services import outputs
from imagegen.services.disclosure import ai_content_of, marks_at_arrival
from imagegen.services.uploads import store_upload
from imagegen.storage import originals
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import in_this_process  # noqa: F401
from imagegen.tests.test_c2pa import SIGNED, in_png

GENERATED, EDITED = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"


@pytest.fixture
def upload(db, in_this_process):  # noqa: F811
    """Stores bytes as the picture of a hero."""

    def store(data: bytes, **words):
        slot = hero_of(make_post())
        return store_upload(slot=slot, file=ContentFile(data, "a.png"), user=None, **words)

    return store


def sidecar(output) -> dict:
    return json.load(originals().open(outputs.sidecar_path(output.path)))


@pytest.mark.parametrize(
    ("term", "content"),
    [
        (GENERATED, "generated"),
        (EDITED, "modified"),
        ("algorithmicMedia", "none"),
        ("compositeSynthetic", "none"),
        ("digitalCapture", "none"),
        ("", "none"),
    ],
)
def test_ai_content_follows_the_source(term, content):
    assert ai_content_of(term) == content


@pytest.mark.parametrize(
    ("said", "found", "term"),
    [
        ("", "", ""),
        ("digitalCapture", "", "digitalCapture"),
        ("", "digitalCapture", "digitalCapture"),
        ("algorithmicMedia", GENERATED, GENERATED),
        (EDITED, GENERATED, EDITED),
        (GENERATED, "digitalCapture", GENERATED),
    ],
)
def test_mark_of_the_file_is_not_talked_away(said, found, term):
    assert marks_at_arrival(said, found)["digital_source_type"] == term


def test_upload_is_marked_and_its_sidecar_tells(upload):
    output = upload(made.png(), digital_source_type=EDITED)
    assert output.ai_content == "modified"
    assert sidecar(output)["ai_content"] == "modified"


def test_manifest_is_kept_beside_the_original(upload):
    output = upload(in_png(SIGNED))
    assert output.manifest_path == output.path.removesuffix("png") + "c2pa"
    assert originals().open(output.manifest_path).read() == SIGNED


def test_facts_of_the_manifest_are_in_the_row_and_mark_it(upload):
    output = upload(in_png(SIGNED))
    assert output.c2pa["signer"] == "Frontispiece test signer"
    assert (output.digital_source_type, output.ai_content) == (GENERATED, "generated")


def test_original_with_a_manifest_is_stored_untouched(upload):
    data = in_png(SIGNED)
    output = upload(data)
    assert originals().open(output.path).read() == data


def test_file_without_a_manifest_leaves_none(upload):
    output = upload(made.png())
    assert (output.c2pa, output.manifest_path) == ({}, "")


def test_nothing_of_a_removed_original_is_left(upload):
    output = upload(in_png(SIGNED))
    outputs.remove_original(output.path)
    assert not originals().exists(output.manifest_path)


def test_doctor_knows_whose_manifest_it_is(upload):
    from imagegen.services.doctor.originals import _known_names

    output = upload(in_png(SIGNED))
    assert _known_names([output.manifest_path]) >= {output.manifest_path}


def test_doctor_takes_a_lost_manifest_again(upload):
    from imagegen.services.doctor import find_problems, repair_problems

    output = upload(in_png(SIGNED))
    originals().delete(output.manifest_path)
    found = find_problems(["originals"])
    assert [problem.kind for problem in found] == ["manifest-missing"]
    repair_problems(found)
    assert originals().open(output.manifest_path).read() == SIGNED
