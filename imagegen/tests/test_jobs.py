"""The way of one image: every end is recorded, with what it cost."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.storage import storages
from django.db.models.functions import Now
from django.utils import timezone

from imagegen.errors import InvalidTransition, StorageProblem
from imagegen.models import Attempt, GenerationJob, ImageOutput
from imagegen.services import engine, queue
from imagegen.services.followups import cancel_batch, retry_job, settle_unknown
from imagegen.services.jobs import run_job
from imagegen.services.spool import Spool
from imagegen.services.sweeper import adopt_late_images
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job
from providers.models import Connection
from providers.pool import PoolUnavailable

pytestmark = pytest.mark.django_db
JobState, State = GenerationJob.State, Attempt.State


@pytest.fixture
def ask(tmp_path):
    """Queues one hero with a stub that behaves so, lets the engine work, returns the job."""

    def run(behaviour: str = "ok", *, price: str | None = "0.04", cap=None, work=True, **options):
        stub = make_stub(tmp_path, price=price, behaviour=behaviour, **options)
        batch = make_batch([hero_of(make_post())], stub, cap=cap)
        if work:
            engine.work()
        return only_job(batch)

    return run


def attempt_of(job) -> Attempt:
    return job.attempts.latest("pk")


def money_of(job) -> tuple[Decimal, Decimal]:
    job.batch.refresh_from_db()
    return job.batch.reserved, job.batch.spent


def test_good_answer_becomes_a_candidate(ask):
    job = ask()
    output = ImageOutput.objects.get()
    assert (job.state, output.state, output.slot) == (JobState.STORED, "candidate", job.slot)


def test_original_is_stored_with_sidecar_and_preview(ask):
    ask()
    output, storage = ImageOutput.objects.get(), storages["originals"]
    sidecar = output.path.rsplit(".", 1)[0] + ".json"
    assert all(storage.exists(name) for name in (output.path, sidecar, output.preview_path))


def test_systematic_path_names_post_and_place(ask):
    job = ask()
    output = ImageOutput.objects.get()
    assert output.path == f"originals/posts/{job.slot.post_id}/hero/{output.uuid}.png"


def test_output_tells_how_it_was_made(ask):
    job = ask()
    output = ImageOutput.objects.get()
    assert output.prompt_text == job.prompt.text and output.model_name == "stub-1"
    assert output.seed == job.request["seed"] and output.duration is not None


def test_spool_is_empty_after_storing(ask):
    assert not Spool(attempt_of(ask()).key).folder.exists()


def test_money_is_spent_when_stored(ask):
    job = ask()
    assert money_of(job) == (0, Decimal("0.04")) and attempt_of(job).cost == Decimal("0.04")


def test_two_images_in_an_answer_become_two_candidates(ask):
    ask("two_images")
    assert ImageOutput.objects.count() == 2


@pytest.mark.parametrize(
    ("behaviour", "job_state", "attempt_state", "money"),
    [
        ("refuse", JobState.REFUSED, State.REFUSED, (0, 0)),
        ("refuse_200", JobState.REFUSED, State.REFUSED, (0, Decimal("0.04"))),
        ("empty", JobState.FAILED, State.CHARGED, (0, Decimal("0.04"))),
        ("not_an_image", JobState.FAILED, State.CHARGED, (0, Decimal("0.04"))),
        ("truncated", JobState.FAILED, State.CHARGED, (0, Decimal("0.04"))),
        ("auth", JobState.FAILED, State.FAILED, (0, 0)),
        ("rate_limit", JobState.QUEUED, State.FAILED, (0, 0)),
        ("cut_before", JobState.QUEUED, State.FAILED, (0, 0)),
        ("cut_after", JobState.UNKNOWN, State.UNKNOWN, (Decimal("0.04"), 0)),
        ("server_error", JobState.UNKNOWN, State.UNKNOWN, (Decimal("0.04"), 0)),
    ],
)
def test_every_fault_has_its_end(ask, behaviour, job_state, attempt_state, money):
    job = ask(behaviour)
    assert (job.state, attempt_of(job).state, money_of(job)) == (job_state, attempt_state, money)


def test_failed_job_tells_what_and_why(ask):
    error = ask("auth").error
    assert error["kind"] == "AuthFailed" and error["message"] and error["billed"] == "no"


def test_undecodable_file_is_kept_in_quarantine(ask, settings):
    ask("not_an_image")
    assert len(list((settings.SPOOL_DIR / "quarantine").iterdir())) == 1


def test_free_call_is_never_in_doubt(ask):
    job = ask("cut_after", price=None)
    assert job.state == JobState.QUEUED and attempt_of(job).state == State.FAILED


def test_retry_waits_as_long_as_the_provider_says(ask):
    job = ask("rate_limit", retry_after=300)
    assert not GenerationJob.objects.filter(run_after__lt=Now() + timedelta(minutes=4)).exists()
    assert job.tries == 1


def test_sixth_try_is_not_made_by_itself(ask):
    job = ask("cut_before")
    for _ in range(8):
        GenerationJob.objects.update(run_after=None)
        engine.work()
    job.refresh_from_db()
    assert (job.state, job.attempts.count()) == (JobState.FAILED, 5)


def test_retry_succeeds_after_a_passing_fault(ask):
    job = ask("rate_limit,ok")
    GenerationJob.objects.update(run_after=None)
    Connection.objects.update(paused_until=None)
    engine.work()
    job.refresh_from_db()
    assert (job.state, job.attempts.count()) == (JobState.STORED, 2)


def test_cap_stops_the_call_before_it_is_made(ask):
    job = ask(cap="0.03")
    assert (job.state, job.error["kind"], job.attempts.count()) == (
        JobState.FAILED,
        "CapReached",
        0,
    )


def test_expensive_answer_is_booked_at_what_it_cost(ask):
    assert money_of(ask(cost="0.09")) == (0, Decimal("0.09"))


def test_full_disk_keeps_the_image_in_the_spool_and_tries_again_free(ask, monkeypatch):
    def full(**kwargs):
        raise StorageProblem("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr("imagegen.services.outputs.store_original", full)
        job = ask()
    assert job.state == JobState.QUEUED and attempt_of(job).state == State.RECEIVED
    GenerationJob.objects.update(run_after=None)
    engine.work()
    job.refresh_from_db()
    assert (job.state, job.attempts.count()) == (JobState.STORED, 1)


def test_paid_image_waits_where_no_child_process_starts(ask, monkeypatch, settings):
    def refuse(*args, **kwargs):
        raise PoolUnavailable("No process could be started.")

    with monkeypatch.context() as patch:
        patch.setattr("imagegen.services.outputs.run_in_child", refuse)
        job = ask()
    assert job.state == JobState.QUEUED and attempt_of(job).state == State.RECEIVED
    assert not (settings.SPOOL_DIR / "quarantine").exists()
    GenerationJob.objects.update(run_after=None)
    engine.work()
    assert only_job(job.batch).state == JobState.STORED


def test_worker_without_its_lease_changes_nothing(ask):
    job = ask(work=False)
    mine = queue.claim_job(owner="old")
    GenerationJob.objects.update(lease_until=Now() - timedelta(seconds=1))
    queue.release_expired_leases()
    queue.claim_job(owner="new")
    run_job(job=mine)
    job.refresh_from_db()
    assert (job.owner, job.state, ImageOutput.objects.count()) == ("new", JobState.CLAIMED, 0)


def test_job_whose_provider_is_gone_fails_with_a_sentence(ask):
    job = ask(work=False)
    job.connection.models.all().delete()
    job.connection.delete()
    engine.work()
    job.refresh_from_db()
    assert job.state == JobState.FAILED and "was removed" in job.error["message"]


def test_waiting_jobs_can_be_cancelled(ask):
    job = ask(work=False)
    assert cancel_batch(batch=job.batch, user=None) == 1
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_failed_job_can_be_tried_again_by_hand(ask):
    job = ask("auth,ok")
    retry_job(job=job, user=None)
    engine.work()
    job.refresh_from_db()
    assert job.state == JobState.STORED


def test_stored_job_cannot_be_tried_again(ask):
    job = ask()
    with pytest.raises(InvalidTransition):
        retry_job(job=job, user=None)


def test_not_charged_frees_the_money(ask):
    job = ask("cut_after")
    settle_unknown(job=job, outcome="not_charged", user=None)
    assert (job.state, money_of(job)) == (JobState.FAILED, (0, 0))


def test_pay_again_books_the_doubt_and_calls_anew(ask):
    job = ask("cut_after,ok")
    settle_unknown(job=job, outcome="pay_again", user=None)
    engine.work()
    job.refresh_from_db()
    assert (job.state, money_of(job)) == (JobState.STORED, (0, Decimal("0.08")))


def test_image_that_arrived_too_late_is_adopted_free(ask, monkeypatch):
    job = ask(work=False)
    monkeypatch.setattr("imagegen.services.drawing.store_result", lambda **kwargs: None)
    engine.work()
    monkeypatch.undo()
    GenerationJob.objects.update(state=JobState.UNKNOWN)
    Attempt.objects.update(state=State.UNKNOWN)
    assert adopt_late_images() == 1
    engine.work()
    job.refresh_from_db()
    assert (job.state, job.attempts.count()) == (JobState.STORED, 1)


def test_approve_on_arrival_makes_the_choice(tmp_path):
    slot = hero_of(make_post())
    make_batch([slot], make_stub(tmp_path), approve=True)
    engine.work()
    slot.refresh_from_db()
    assert slot.choice.state == ImageOutput.State.APPROVED


def test_no_transaction_is_open_during_a_call(ask, monkeypatch, transactional_db):
    from django.db import connection

    from providers.backends.stub import StubProvider

    seen = []
    submit = StubProvider.submit

    def watch(self, *args):
        seen.append(connection.in_atomic_block)
        return submit(self, *args)

    monkeypatch.setattr(StubProvider, "submit", watch)
    ask()
    assert seen == [False]


def test_image_whose_approver_lost_the_permission_waits_for_review(tmp_path, editor):
    batch = make_batch([hero_of(make_post())], make_stub(tmp_path), approve=True)
    batch.asked_by = editor
    batch.save(update_fields=["asked_by"])
    editor.groups.clear()
    engine.work()
    assert only_job(batch).state == JobState.STORED
    assert ImageOutput.objects.get().state == ImageOutput.State.CANDIDATE


def test_try_of_a_cancelled_batch_is_not_repeated(ask):
    job = ask("cut_before", work=False)
    claimed = queue.claim_job(owner="me")
    cancel_batch(batch=job.batch, user=None)
    run_job(job=claimed)
    job.refresh_from_db()
    assert (job.state, money_of(job)) == (JobState.CANCELLED, (0, 0))


@pytest.mark.parametrize("price", ["0.04", None])
def test_received_answer_whose_files_are_gone_ends_as_charged(ask, monkeypatch, price):
    with monkeypatch.context() as patch:
        patch.setattr("imagegen.services.drawing.store_result", lambda **kwargs: None)
        job = ask(price=price)
    Spool(attempt_of(job).key).remove()
    GenerationJob.objects.update(lease_until=Now() - timedelta(seconds=1))
    queue.release_expired_leases()
    engine.work()
    job.refresh_from_db()
    assert (job.state, attempt_of(job).state) == (JobState.FAILED, State.CHARGED)
    assert money_of(job) == (0, Decimal(price or 0))


@pytest.mark.parametrize(
    ("state", "price", "job_state", "attempt_state", "reserved"),
    [
        (State.RESERVED, "0.04", JobState.FAILED, State.FAILED, "0"),
        (State.SENDING, "0.04", JobState.UNKNOWN, State.UNKNOWN, "0.04"),
        (State.SENDING, None, JobState.FAILED, State.FAILED, "0"),
        (State.RECEIVED, "0.04", JobState.FAILED, State.RECEIVED, "0.04"),
    ],
)
def test_given_up_job_leaves_its_call_as_it_is_known(
    ask, monkeypatch, state, price, job_state, attempt_state, reserved
):
    monkeypatch.setattr("imagegen.services.drawing.store_result", lambda **kwargs: None)
    job = ask(price=price)
    Attempt.objects.update(state=state)
    GenerationJob.objects.update(state=JobState.QUEUED, owner="", lease_until=None, deaths=5)
    engine.work()
    job.refresh_from_db()
    assert (job.state, attempt_of(job).state) == (job_state, attempt_state)
    assert money_of(job) == (Decimal(reserved), 0)


@pytest.mark.parametrize(
    ("behaviour", "least", "most"), [("rate_limit", 100, 120), ("quota", 3500, 3600)]
)
def test_provider_that_needs_a_rest_is_spared_further_calls(ask, behaviour, least, most):
    job = ask(behaviour, retry_after=120)
    rest = (Connection.objects.get(pk=job.connection_id).paused_until - timezone.now()).seconds
    assert least <= rest <= most


def test_other_faults_pause_nobody(ask):
    job = ask("auth")
    assert Connection.objects.get(pk=job.connection_id).paused_until is None
