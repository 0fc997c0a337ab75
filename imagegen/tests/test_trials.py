"""One picture without a post: checked, priced and stored like any other."""

from decimal import Decimal

import pytest
from django.urls import reverse

from imagegen.errors import NotPermitted, Refused
from imagegen.models import Attempt, ConnectionMonth, GenerationJob, ImageOutput
from imagegen.services import engine
from imagegen.services.doctor import find_problems
from imagegen.services.trials import create_trial, plan_trial, small_size
from imagegen.tests.factories import make_stub
from providers.models import Connection, ImageModel
from providers.types import Capabilities

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(tmp_path):
    return make_stub(tmp_path, price="0.04").models.get()


def run(model, prompt="A red apple.", cap=None, **wanted) -> GenerationJob:
    plan = plan_trial(model=model, prompt=prompt, **wanted)
    batch = create_trial(plan=plan, user=None, door="command", cap=cap)
    engine.work()
    return batch.jobs.get()


def test_picture_is_stored_among_the_tests_of_its_day(model):
    job = run(model)
    output = ImageOutput.objects.get()
    assert output.path == f"originals/tests/{job.created_at:%Y-%m-%d}/{output.uuid}.png"
    assert (output.slot, output.post, job.batch.kind) == (None, None, "test")


def test_prompt_is_sent_as_it_stands(model):
    job = run(model, "A red apple, photographed.")
    assert job.prompt.text == job.request["prompt"] == "A red apple, photographed."


def test_sizes_are_snapped_and_said(model):
    ImageModel.objects.update(capabilities={"multiple_of": 64})
    model.refresh_from_db()
    item = plan_trial(model=model, prompt="x", size=(500, 500)).items[0]
    assert (item.request.width, item.asked.width) == (512, 500) and item.notes


def test_cost_counts_in_batch_and_month(model):
    job = run(model)
    job.batch.refresh_from_db()
    assert job.batch.spent == ConnectionMonth.objects.get().spent == Decimal("0.04")


def test_cap_holds(model):
    job = run(model, cap=Decimal("0.03"))
    assert (job.error["kind"], Attempt.objects.count()) == ("CapReached", 0)


@pytest.mark.parametrize(
    ("prompt", "wanted", "reason"),
    [
        (" ", {}, "prompt is empty"),
        ("x", {"quality": "best"}, "quality best"),
        ("x", {"extra": {"wings": 2}}, "wings"),
        ("x", {"size": (4, 4)}, "Width 4"),
    ],
)
def test_what_the_model_does_not_take_is_refused(model, prompt, wanted, reason):
    with pytest.raises(Refused, match=reason):
        plan_trial(model=model, prompt=prompt, **wanted)


def test_provider_that_is_switched_off_is_refused(model):
    Connection.objects.update(enabled=False)
    model.connection.refresh_from_db()
    with pytest.raises(Refused, match="switched off"):
        plan_trial(model=model, prompt="x")


def test_trial_needs_the_permission(model, reviewer):
    with pytest.raises(NotPermitted):
        create_trial(plan=plan_trial(model=model, prompt="x"), user=reviewer, door="admin")


@pytest.mark.parametrize(
    ("capabilities", "size"),
    [
        (Capabilities(), (512, 512)),
        (Capabilities(min_side=768), (768, 768)),
        (Capabilities(max_side=256), (256, 256)),
        (Capabilities(sizes=("1536x1024", "1024x1024")), (1024, 1024)),
    ],
)
def test_size_of_a_trial_is_small(capabilities, size):
    assert small_size(capabilities) == size


def test_seed_stays_within_what_the_model_takes(model):
    ImageModel.objects.update(capabilities={"max_seed": 1})
    model.refresh_from_db()
    seeds = {plan_trial(model=model, prompt="x").items[0].request.seed for _ in range(20)}
    assert seeds <= {0, 1}


@pytest.mark.parametrize("name", ["generationjob", "generationbatch", "imageoutput", "attempt"])
def test_lists_and_pages_show_a_trial(model, client, administrator, name):
    job = run(model)
    rows = {
        "generationjob": job,
        "generationbatch": job.batch,
        "imageoutput": ImageOutput.objects.get(),
        "attempt": job.attempts.get(),
    }
    client.force_login(administrator)
    assert client.get(reverse(f"admin:imagegen_{name}_changelist")).status_code == 200
    url = reverse(f"admin:imagegen_{name}_change", args=[rows[name].pk])
    assert client.get(url).status_code == 200


def test_doctor_finds_nothing_wrong_with_it(model):
    run(model)
    assert not [problem for problem in find_problems() if problem.kind != "no-worker"]
