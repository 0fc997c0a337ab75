"""Every fault of the table against every adapter, the whole way of a picture.

The fake's ledger is the oracle: whatever the service does to a call, it is charged once at
most, it ends in time, and the books say what the ledger says. A new adapter joins with a line
in `RIGS`. By default each fault meets one adapter and each adapter meets `CORE`; the rest of
all with all is `pytest -m exhaustive`.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from imagegen.models import Attempt, ConnectionMonth, GenerationJob, ImageOutput
from imagegen.services import engine, looking, writing
from imagegen.services.endings import LONGEST_WAIT
from imagegen.tests.factories import hero_of, make_batch, make_post, only_job
from providers.models import Connection, ImageModel, Workflow
from providers.registry import BUILT_IN, get_provider_class
from providers.tests.fakes.base import FakeService
from providers.tests.fakes.faults import FAULTS, RETRY, Fault
from providers.tests.workflows import make_graph
from providers.types import Recovery

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
JobState, State = GenerationJob.State, Attempt.State
PRICE = {"kind": "per_image", "amount": "0.04"}
TEXT_PRICE = {"kind": "text_tokens", "input": "1", "output": "10"}
LIMITS = {"connect_timeout": 0.4, "read_timeout": 0.4, "deadline": 0.7, "max_bytes": 1_000_000}
ENOUGH = LIMITS["max_bytes"] + 20_000_000  # bytes, with what two sockets hold
MOST = timedelta(seconds=LIMITS["deadline"] + 2)  # for one call
ROUNDS = 8  # more than the engine's own tries
LOOKS = 2  # after a doubtful call
USUAL = 61  # seconds: Stability's own rule where the header says nothing
WAITS = {  # seconds before the next try, at least and at most
    "slow_down_seconds": (6, 8),
    "slow_down_date": (80, 91),
    "slow_down_absurd": (LONGEST_WAIT - 1, LONGEST_WAIT + 1),
    "slow_down_negative": (0, USUAL),
    "slow_down_garbage": (0, USUAL),
}


@dataclass(frozen=True)
class Rig:
    """An adapter with the fake of its service."""

    name: str
    kind: str
    fake: str  # module:class below providers.tests.fakes
    path: str = ""  # what the base URL has behind its port
    model: str = "any"
    options: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[Connection], object] | None = None  # rows that the kind needs
    secret: str = "sk-fault-rig-0123456789abcdef"
    given: dict[str, Any] = field(default_factory=dict)  # attributes of the fake
    own_machine: bool = False  # True: its errors cost nobody anything
    writes: bool = False  # True: a prompt is asked for, not a picture
    only_calls: bool = False  # True: answers at once, although its fake could do it otherwise

    def __str__(self) -> str:
        return self.name

    @property
    def service(self) -> type[FakeService]:
        module, _, name = self.fake.partition(":")
        found: type[FakeService] = getattr(import_module(f"providers.tests.fakes.{module}"), name)
        return found

    def start(self) -> FakeService:
        fake = self.service()
        for name, value in self.given.items():
            setattr(fake, name, value)
        return fake

    def supports(self, fault: Fault) -> bool:
        return (fault.on == "call" or not self.only_calls) and self.service.supports(fault)


def stub(recovery: str) -> Rig:
    options = {"recovery": recovery, "poll_interval": 0.01}
    at_once = recovery in ("nothing", "own_key")
    return Rig(f"stub_{recovery}", "stub", "stub:FakeStub", options=options, only_calls=at_once)


def writer(text_api: str) -> Rig:
    options = {"text_api": text_api}
    fake, model = "writer:FakeWriter", "gpt-5-mini"
    return Rig(f"openai_{text_api}", "openai", fake, "/v1", model, options, writes=True)


def bring_workflow(connection: Connection) -> None:
    Workflow.objects.create(connection=connection, name="any", graph=make_graph())


COMFY: dict[str, Any] = {
    "options": {"poll_interval": 0.01, "websocket": False},
    "prepare": bring_workflow,
}
LARGE = {"full_size": True}
QUICK = {"poll_interval": 0.01}
RIGS = (
    stub("nothing"),
    stub("handle"),
    stub("lookup"),
    stub("own_key"),
    Rig("openai", "openai", "openai:FakeOpenAI", "/v1", "gpt-image-2", given=LARGE),
    writer("responses"),
    writer("chat"),
    Rig("gateway", "openai_compatible", "openai:FakeGateway", "/v1", given=LARGE, only_calls=True),
    Rig("links", "openai_compatible", "openai:FakeLinks", "/v1", given=LARGE),
    Rig("comfyui", "comfyui", "comfyui:FakeComfy", **COMFY),
    Rig("old_comfyui", "comfyui", "comfyui:FakeComfy", given={"old": True}, **COMFY),
    Rig("sdapi", "sdapi", "sdapi:FakeSdApi", "", "dream_v8", secret="a:pass", own_machine=True),
    Rig("gemini", "gemini", "gemini:FakeGemini", model="gemini-3-pro-image", secret="gemini-key"),
    Rig("bfl", "bfl", "bfl:FakeBfl", "/v1", "flux-2-pro", QUICK, secret="bfl-key"),
    Rig("fal", "fal", "fal:FakeFal", "", "fal-ai/flux-2-pro", QUICK, secret="fal-id:fal-secret"),
    Rig(
        "replicate", "replicate", "replicate:FakeReplicate", "/v1", "a/b", QUICK, secret="r8-secret"
    ),
    Rig("stability", "stability", "stability:FakeStability", model="core", secret="sk-stability"),
)


@pytest.fixture(autouse=True, scope="module")
def packages() -> None:
    """What the first call of a worker loads, once and whatever it takes, is not what is timed."""
    import_module("providers.backends.openai_transport")


# --- One fault ---------------------------------------------------------------------------


@dataclass
class Outcome:
    """What became of a job, seen from the service and from the books."""

    job: GenerationJob
    rig: Rig
    fake: FakeService
    fault: Fault
    recovery: Recovery
    waits: list[float]

    def complaints(self) -> list[str]:
        """Everything that is wrong with it; nothing, if all is well."""
        return [*self._about_calls(), *self._about_the_end(), *self._about_money()]

    def _about_calls(self) -> Iterator[str]:
        if not self.fake.struck and self.fault.script[0] not in ("", "refused"):
            yield "the fault never struck"
        if len(self.fake.ledger) > 1:
            yield f"charged {len(self.fake.ledger)} times"
        for attempt in self.attempts:
            end = attempt.received_at or attempt.finished_at
            if end and attempt.sent_at and (took := end - attempt.sent_at) > MOST:
                yield f"the call took {took.total_seconds():.1f} s"
        if self.fake.taken.most > ENOUGH:
            yield f"{self.fake.taken.most} bytes of an endless answer were taken"
        folders = [Path(settings.SPOOL_DIR), Path(settings.DATA_DIR) / "private"]
        for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
            if path.stat().st_size > LIMITS["max_bytes"]:
                yield f"{path.name} has {path.stat().st_size} bytes"

    def _about_the_end(self) -> Iterator[str]:
        told = [attempt.error for attempt in self.attempts if attempt.error]
        kind = (self.attempts[0].error or {}).get("kind", "") if self.attempts else "no call"
        if kind not in self.fault.expected(self.recovery):
            yield f"the first call ended with {kind or 'a picture'}: {told[:1]}"
        if self.job.state in JobState.QUEUED or self.job.state in GenerationJob.HELD_STATES:
            yield f"stuck as {self.job.state}"
        if self.fault.kinds == set(RETRY) and self.job.state != JobState.STORED:
            yield f"was not tried again: {self.job.state}"
        least, most = WAITS.get(self.fault.name, (0, LONGEST_WAIT + 1))
        for wait in self.waits:
            if not least <= wait <= most:
                yield f"would wait {wait:.0f} s before the next try"
        if any(attempt.state in Attempt.OPEN_STATES for attempt in self.attempts):
            yield "a call was left open"
        if self.job.state != ("stored" if ImageOutput.objects.exists() else self.job.state):
            yield f"a picture was stored and the job is {self.job.state}"
        if self.rig.secret in json.dumps([*told, self.job.error]) or len(json.dumps(told)) > 20_000:
            yield "an error tells too much"

    def _about_money(self) -> Iterator[str]:
        paid = [attempt for attempt in self.attempts if attempt.state not in FREE]
        paid = [attempt for attempt in paid if attempt.cost != 0 or attempt.state == State.UNKNOWN]
        if len(paid) < len(self.fake.ledger) and not self.rig.own_machine:
            yield f"charged, and booked as free: {[a.error for a in self.attempts]}"
        doubt = sum((a.reserved for a in self.attempts if a.state == State.UNKNOWN), Decimal(0))
        spent = sum((a.cost or 0 for a in self.attempts), Decimal(0))
        for row in (self.job.batch, *ConnectionMonth.objects.all()):
            if (row.reserved, row.spent) != (doubt, spent):
                yield f"{row}: {row.reserved} reserved, {row.spent} spent, not {doubt}, {spent}"

    @cached_property
    def attempts(self) -> list[Attempt]:
        return list(self.job.attempts.order_by("pk"))


FREE = {State.FAILED, State.CANCELLED}


def connect(rig: Rig, fake: FakeService) -> Connection:
    """A connection to the fake, with money and little patience."""
    connection = Connection.objects.create(
        name="far",
        kind=rig.kind,
        base_url=fake.url + rig.path,
        secret_name="FAULT_RIG_KEY",
        private_network=True,
        max_concurrent=0,
        monthly_cap=Decimal(10),
        options=LIMITS | rig.options,
    )
    ImageModel.objects.create(
        connection=connection,
        name=rig.model,
        is_default=True,
        purpose="text" if rig.writes else "image",
        price_rule=TEXT_PRICE if rig.writes else PRICE,
    )
    if rig.prepare is not None:
        rig.prepare(connection)
    return connection


def ask(rig: Rig, connection: Connection) -> GenerationJob:
    """The job of one picture or prompt, queued."""
    slot = hero_of(make_post())
    if not rig.writes:
        return only_job(make_batch([slot], connection, cap="1"))
    plan = writing.plan_writing(slots=[slot], model=connection.models.get())
    return only_job(writing.create_writing(plan=plan, user=None, door="command", cap=Decimal(1)))


def work_to_the_end(job: GenerationJob, fake: FakeService) -> list[float]:
    """Let the engine work, and look after a doubtful call, until it would not go on by itself.

    Gives the seconds that it would have waited before each further try.
    """
    waits = []
    for _ in range(ROUNDS):
        GenerationJob.objects.update(run_after=None)
        Connection.objects.update(paused_until=None)
        engine.work()
        fake.open_door()
        job.refresh_from_db()
        if job.state == JobState.QUEUED:
            waits.append((job.run_after - timezone.now()).total_seconds())
        elif job.state != JobState.UNKNOWN or not look_again(job):
            break
    return waits


def look_again(job: GenerationJob) -> bool:
    """Begin the looks that the sweeper would begin in the next hour; False when they are over."""
    attempt = job.attempts.select_related("job").latest("pk")
    if not looking.can_be_asked(attempt) or attempt.looks == LOOKS:
        return False
    looking.begin_look(attempt)
    return True


@pytest.fixture
def meet(monkeypatch) -> Callable[[Rig, Fault], Outcome]:
    """Lets one picture or prompt be asked for while the adapter's service has the fault."""

    def run(rig: Rig, fault: Fault) -> Outcome:
        monkeypatch.setenv("FAULT_RIG_KEY", rig.secret)
        adapter = get_provider_class(rig.kind)
        monkeypatch.setattr(adapter, "poll_interval_max", 0.02)
        monkeypatch.setattr("providers.receiving.PAUSE", 0.01)
        with rig.start() as fake:
            connection = connect(rig, fake)
            job = ask(rig, connection)
            fake.arm(fault)
            waits = work_to_the_end(job, fake)
            return Outcome(job, rig, fake, fault, connection.adapter().recovery, waits)

    return run


# --- Which meet --------------------------------------------------------------------------

CORE = "body_cut_in_the_middle"  # the one that everybody meets


def encounters() -> list[Any]:
    """Each adapter with each fault that its fake can show; most of them only on demand."""
    found = []
    for number, fault in enumerate(FAULTS):
        able = [rig for rig in RIGS if rig.supports(fault)]
        for place, rig in enumerate(able):
            chosen = place == number % len(able) and not fault.lasting and not fault.variant
            marks = [] if chosen or fault.name == CORE else [pytest.mark.exhaustive]
            found.append(pytest.param(rig, fault, marks=marks, id=f"{rig}-{fault}"))
    return found


@pytest.mark.parametrize(("rig", "fault"), encounters())
def test_fault_costs_nothing_twice_and_ends_in_time(meet, rig, fault):
    assert meet(rig, fault).complaints() == []


def test_every_service_has_a_rig():
    assert {rig.kind for rig in RIGS} == set(BUILT_IN) - {"studio", "diffusers"}


@pytest.mark.parametrize("rig", RIGS, ids=str)
def test_picture_comes_where_nothing_is_wrong(meet, rig):
    fine = Fault("fine", ("",), "answer", frozenset({""}))
    outcome = meet(rig, fine)
    assert outcome.complaints() == []
    assert (outcome.job.state, len(outcome.fake.ledger)) == (JobState.STORED, 1)
