"""What holds for every hosted service with a queue: tests to be inherited."""

import json
import time
import uuid
from dataclasses import replace

import pytest

from providers import errors
from providers.registry import make_provider
from providers.tests.hosted import ask, connect
from providers.types import Handle, ImageRequest

SPARE = ("id", "request_id", "cancel_url", "cancel", "queue_position", "status", "cost", "model")


def without_spare(job: dict) -> dict:
    """What a service says of a job, but for all that is not needed to find it."""
    kept = {name: value for name, value in job.items() if name not in SPARE}
    return kept | ({"urls": without_spare(job["urls"])} if "urls" in job else {})


class QueueRules:
    """`kind`, `model` and `key` say which service; `fake` and `sink` are fixtures of its tests."""

    kind: str
    model: str
    key: str
    width, height = 64, 64
    # The answer that took a job, with the address by which it is looked at.
    address_name: str

    @pytest.fixture
    def provider(self, fake):
        return make_provider(connect(self.kind, fake, self.key, options={"poll_interval": 0.01}))

    def ask(self, provider, sink, **values):
        return ask(provider, sink, self.model, self.width, self.height, **values)

    def submit(self, provider, sink):
        request = ImageRequest(
            prompt="A tree", model=self.model, width=self.width, height=self.height
        )
        return provider.submit(request, str(uuid.uuid4()), sink)

    def test_another_process_collects_by_the_stored_handle(self, fake, provider, sink):
        stored = json.loads(json.dumps(self.submit(provider, sink).data))
        other = make_provider(provider.connection)
        assert len(other.collect(Handle(stored), sink).files) == 1
        assert len(fake.calls()) == len(fake.ledger) == 1

    def test_handle_holds_no_secret_and_no_picture(self, provider, sink):
        text = json.dumps(self.submit(provider, sink).data)
        assert self.key not in text and len(text) < 2000

    def test_slow_job_is_waited_for(self, fake, provider, sink):
        fake.faults("slow_job")
        assert len(self.ask(provider, sink).files) == 1

    @pytest.mark.parametrize("trouble", ["status:503", "status:429", "reset", "html_200"])
    def test_momentary_trouble_of_a_look_is_sat_out(self, fake, provider, sink, trouble):
        fake.faults(trouble, "", on="poll")
        assert len(self.ask(provider, sink).files) == 1
        assert len(fake.ledger) == 1

    @pytest.mark.parametrize("fault", ["lost_queue", "lost_result"])
    def test_forgotten_job_is_lost_and_perhaps_paid(self, fake, provider, sink, fault):
        fake.faults(fault)
        with pytest.raises(errors.JobLost) as caught:
            self.ask(provider, sink)
        assert caught.value.billed == "unknown"

    def test_expired_picture_is_lost_and_paid(self, fake, provider, sink):
        fake.faults("expired_url")
        with pytest.raises(errors.JobLost) as caught:
            self.ask(provider, sink)
        assert caught.value.billed == "yes"

    @pytest.mark.parametrize("fault", ["private_url", "file_url", "foreign_http_url"])
    def test_picture_at_a_forbidden_address_is_not_fetched(self, fake, provider, sink, fault):
        fake.faults(fault)
        with pytest.raises(errors.InvalidResponse):
            self.ask(provider, sink)

    def test_download_shows_no_secret(self, fake, provider, sink):
        self.ask(provider, sink)
        (download,) = [each for each in fake.requests if each.path.startswith("/files/")]
        assert self.key not in str(download.headers)

    def test_address_of_another_host_is_never_shown_the_secret(self, fake, provider, sink):
        handle = self.submit(provider, sink)
        before = len(fake.requests)
        stray = {**handle.data, self.address_name: "https://evil.example/look"}
        with pytest.raises(errors.InvalidResponse, match="not its own"):
            provider.poll(Handle(stray), sink)
        assert len(fake.requests) == before

    def test_job_is_collected_by_its_address_alone(self, fake, provider, sink, monkeypatch):
        take = fake._take

        def take_silently(request):
            reply = take(request)
            return replace(reply, body=json.dumps(without_spare(json.loads(reply.body))).encode())

        monkeypatch.setattr(fake, "_take", take_silently)
        handle = self.submit(provider, sink)
        assert len(provider.collect(handle, sink).files) == 1
        assert provider.cancel(handle) is False

    def test_incomplete_handle_is_a_lost_job(self, provider, sink):
        with pytest.raises(errors.JobLost):
            provider.poll(Handle({"id": "1"}), sink)

    @pytest.mark.parametrize("fault", ["null_data", "error_200", "json_200:[]", "html_200"])
    def test_unreadable_answer_to_the_call_counts_as_paid(self, fake, provider, sink, fault):
        fake.faults(fault)
        with pytest.raises((errors.InvalidResponse, errors.ProviderError)) as caught:
            self.ask(provider, sink)
        assert caught.value.billed in ("yes", "unknown")

    def test_failure_dressed_as_success_is_told_in_its_own_words(self, fake, provider, sink):
        fake.faults("error_200")
        with pytest.raises(errors.InvalidResponse) as caught:
            self.ask(provider, sink)
        assert "internal" in caught.value.hint.lower()

    def test_cut_answer_to_the_call_leaves_its_outcome_unknown(self, fake, provider, sink):
        fake.faults("cut_at:50%")
        with pytest.raises(errors.OutcomeUnknown):
            self.ask(provider, sink)
        assert len(fake.calls()) == 1

    @pytest.mark.parametrize("phase", ["poll", "download"])
    def test_look_begun_late_ends_with_the_call(self, fake, provider, sink, phase, monkeypatch):
        monkeypatch.setattr("providers.backends._queued.SHORTEST", 0.1)
        fake.faults("timeout", on=phase)
        handle = self.submit(provider, sink)
        provider.connection = replace(provider.connection, deadline=60.0)
        start = time.monotonic()
        with pytest.raises(errors.OutcomeUnknown):
            provider.collect(handle, sink, end=start + 0.1)
        assert time.monotonic() - start < 0.5

    def test_sent_parameters_are_those_of_the_result(self, provider, sink):
        result = self.ask(provider, sink)
        assert result.parameters == sink.sent[0] and result.parameters["model"] == self.model

    def test_withdrawn_secret_leaves_a_running_job_in_doubt(self, fake, provider, sink):
        fake.faults("status:401", on="poll")
        with pytest.raises(errors.ProviderProblem) as caught:
            self.ask(provider, sink)
        assert caught.value.billed == "unknown"
