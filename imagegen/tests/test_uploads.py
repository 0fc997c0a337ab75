"""Pictures that people bring."""

import io
import os

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile

from imagegen.errors import NotPermitted, Refused
from imagegen.imaging.sniffing import MAX_UPLOAD_BYTES
from imagegen.models import ImageOutput
from imagegen.services import uploads
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import in_this_process  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]


@pytest.fixture
def slot(db):
    return hero_of(make_post())


def upload(slot, data: bytes = b"", **options) -> ImageOutput:
    file = SimpleUploadedFile("../../evil name.php", data or made.png(), "text/html")
    return uploads.store_upload(slot=slot, file=file, user=None, **options)


def everything_stored(settings) -> list[str]:
    roots = (storages["originals"].location, settings.SPOOL_DIR)
    return [name for root in roots for _, _, names in os.walk(root) for name in names]


def test_upload_becomes_a_candidate_with_its_bytes_untouched(slot):
    output = upload(slot, alt="A wall")
    assert (output.kind, output.state) == ("uploaded", "candidate")
    assert output.description == "A wall"
    assert storages["originals"].open(output.path).read() == made.png()


def test_upload_name_and_type_count_for_nothing(slot):
    output = upload(slot, made.encoded(format="AVIF"))
    assert output.path == f"originals/posts/{slot.post_id}/hero/{output.uuid}.avif"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (made.SVG, "SVG"),
        (made.png() + made.zipped(), "after the end"),
        (made.animated("PNG"), "animated"),
        (made.png()[:-30], "cut off"),
        (made.png_claiming(9000, 9000), "40 million"),
        (b"", "empty"),
    ],
)
def test_refused_upload_leaves_nothing_behind(slot, settings, data, words):
    file = ContentFile(data, name="picture.png")
    with pytest.raises(Refused, match=words):
        uploads.store_upload(slot=slot, file=file, user=None)
    assert everything_stored(settings) == []
    assert not ImageOutput.objects.exists()


class EndlessFile(ContentFile):
    """Says that it is small and goes on and on."""

    def chunks(self, chunk_size=None):
        while True:
            yield bytes(1024 * 1024)
            self.read_so_far = getattr(self, "read_so_far", 0) + 1024 * 1024


def test_too_large_an_upload_is_cut_short(slot, settings):
    file = EndlessFile(b"")
    with pytest.raises(Refused, match="larger than 25 MB"):
        uploads.store_upload(slot=slot, file=file, user=None)
    assert file.read_so_far <= MAX_UPLOAD_BYTES + 1024 * 1024
    assert everything_stored(settings) == []


def test_row_that_cannot_be_made_takes_its_files_along(slot, settings, monkeypatch):
    def fail(**fields):
        raise RuntimeError("database gone")

    monkeypatch.setattr(ImageOutput.objects, "create", fail)
    with pytest.raises(RuntimeError):
        upload(slot)
    assert everything_stored(settings) == []


def test_path_on_this_machine_is_taken_too(slot, tmp_path):
    (tmp_path / "hero.jpg").write_bytes(made.encoded(format="JPEG"))
    output = uploads.store_upload(slot=slot, file=tmp_path / "hero.jpg", user=None)
    assert output.format == "JPEG"


def test_path_that_is_not_there_is_refused(slot, tmp_path):
    with pytest.raises(Refused, match="cannot be read"):
        uploads.store_upload(slot=slot, file=tmp_path / "none.jpg", user=None)


@pytest.mark.parametrize(
    ("given", "in_file", "kept"),
    [
        ("", "trainedAlgorithmicMedia", "trainedAlgorithmicMedia"),
        ("digitalCapture", "trainedAlgorithmicMedia", "trainedAlgorithmicMedia"),
        ("compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia",
         "compositeWithTrainedAlgorithmicMedia"),
        ("humanEdits", "digitalCapture", "humanEdits"),
    ],
)  # fmt: skip
def test_mark_in_the_file_is_not_talked_away(slot, given, in_file, kept):
    output = upload(slot, made.marked_png(in_file), digital_source_type=given)
    assert output.digital_source_type == kept


def test_unknown_source_type_is_refused(slot):
    with pytest.raises(Refused, match="no known kind"):
        upload(slot, digital_source_type="magic")


def test_too_long_an_alt_text_is_refused(slot):
    with pytest.raises(Refused, match="501 characters; 500 fit"):
        upload(slot, alt="x" * 501)


def test_upload_needs_its_permission(slot, reviewer, editor):
    file = SimpleUploadedFile("a.png", made.png())
    with pytest.raises(NotPermitted, match="replace images"):
        uploads.store_upload(slot=slot, file=file, user=reviewer)
    assert uploads.store_upload(slot=slot, file=file, user=editor).created_by == editor


def test_sidecar_names_who_uploaded(slot, editor):
    file = SimpleUploadedFile("a.png", made.png())
    output = uploads.store_upload(slot=slot, file=file, user=editor)
    sidecar = storages["originals"].open(output.path.replace(".png", ".json")).read()
    assert b'"uploaded_by": "alice"' in sidecar


def test_file_is_read_from_its_start(slot):
    file = SimpleUploadedFile("a.png", made.png())
    file.seek(0, io.SEEK_END)
    assert uploads.store_upload(slot=slot, file=file, user=None).byte_size == len(made.png())
