"""A plan's approved reference picture reaches the models that take one."""

import hashlib
from pathlib import Path

import pytest
from django.core.files.storage import storages

from imagegen.errors import StorageProblem
from imagegen.models import Attempt, GenerationJob, IllustrationPlan, ImageOutput
from imagegen.services import engine
from imagegen.services.batches import GenerationOptions, plan_batch
from imagegen.services.references import local_files
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job
from providers.backends.stub import StubProvider
from providers.models import ImageModel
from providers.types import ImageRequest

pytestmark = pytest.mark.django_db


@pytest.fixture
def stub(tmp_path):
    return make_stub(tmp_path, price="0.04")


@pytest.fixture
def picture(stub) -> ImageOutput:
    """An approved picture of another post."""
    make_batch([hero_of(make_post("Another"))], stub, approve=True)
    engine.work()
    return ImageOutput.objects.get()


@pytest.fixture
def hero(picture):
    """A place of a post whose plan refers to the picture."""
    post = make_post()
    IllustrationPlan.objects.update_or_create(post=post, defaults={"reference": picture})
    return hero_of(post)


@pytest.fixture
def sent(monkeypatch):
    """What reaches the adapter: (path, bytes) of each reference picture."""
    seen = []
    submit = StubProvider.submit

    def watch(self, request, key, sink):
        seen.extend((path, Path(path).read_bytes()) for path in request.reference_images)
        return submit(self, request, key, sink)

    monkeypatch.setattr(StubProvider, "submit", watch)
    return seen


def plan_one(hero, stub):
    return plan_batch(slots=[hero], options=GenerationOptions(connection=stub)).items[0]


def test_adapter_gets_a_file_with_the_same_bytes(hero, stub, picture, sent):
    make_batch([hero], stub)
    engine.work()
    assert [hashlib.sha256(data).hexdigest() for _, data in sent] == [picture.sha256]


def test_stored_request_names_the_image_and_no_path(hero, stub, picture):
    job = only_job(make_batch([hero], stub))
    assert job.request["reference_images"] == [f"image:{picture.uuid}"]
    again = ImageRequest.from_dict(job.request)
    assert again.fingerprint() == plan_one_fingerprint(hero, stub, again)


def plan_one_fingerprint(hero, stub, request) -> str:
    planned = plan_one(hero, stub).request.to_dict()
    return ImageRequest.from_dict({**planned, "seed": request.seed}).fingerprint()


def test_unapproved_picture_is_not_passed_on(hero, stub):
    ImageOutput.objects.update(state=ImageOutput.State.CANDIDATE)
    item = plan_one(hero, stub)
    assert not item.request.reference_images and "not approved" in item.notes[0]


def test_model_without_reference_pictures_says_so(hero, stub):
    ImageModel.objects.filter(connection=stub).update(capabilities={"reference_images": 0})
    item = plan_one(hero, stub)
    assert not item.request.reference_images and "takes no reference picture" in item.notes[0]


def test_picture_that_is_gone_stops_the_call_before_it_is_sent(hero, stub, picture):
    job = only_job(make_batch([hero], stub))
    storages["originals"].delete(picture.path)
    engine.work()
    job.refresh_from_db()
    assert (job.state, job.error["kind"]) == (GenerationJob.State.FAILED, "InvalidRequest")
    assert job.attempts.get().sent_at is None


def test_picture_that_is_gone_leaves_a_call_in_doubt_that_was_sent(hero, stub, picture):
    job = only_job(make_batch([hero], stub))
    Attempt.objects.create(
        job=job, number=1, epoch=0, state="sending", recovery="own_key", estimate="0.04"
    )
    storages["originals"].delete(picture.path)
    engine.work()
    job.refresh_from_db()
    assert job.state == GenerationJob.State.UNKNOWN


def test_removed_image_is_named_as_such():
    request = ImageRequest(
        prompt="x", model="m", width=1, height=1, reference_images=("image:" + "0" * 32,)
    )
    with pytest.raises(StorageProblem, match="removed"), local_files(request):
        pass


def test_mask_is_handed_over_the_same_way(picture):
    name = f"image:{picture.uuid}"
    request = ImageRequest(
        prompt="x", model="m", width=1, height=1, reference_images=(name,), mask=name
    )
    with local_files(request) as ready:
        assert Path(ready.mask).read_bytes() == Path(ready.reference_images[0]).read_bytes()
