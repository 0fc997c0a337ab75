"""Services that charge, the whole way: found, asked for, drawn, stored, paid, shown, checked."""

import io
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.urls import reverse

from imagegen.models import Attempt, ImageOutput
from imagegen.services import engine
from imagegen.tests.factories import make_post
from imagegen.tests.test_faults import RIGS
from providers.tests.factories import make_connection, make_model

pytestmark = pytest.mark.django_db
CHARGING = ("openai", "gateway", "gemini", "bfl", "fal", "replicate", "stability")
SERVICES = [rig for rig in RIGS if rig.name in CHARGING]


@pytest.fixture(params=SERVICES, ids=str)
def service(request, monkeypatch):
    """The fake of a service, and the connection `far` to it under a cap."""
    rig = request.param
    monkeypatch.setenv("FAR_KEY", rig.secret)
    with rig.start() as fake:
        connection = make_connection(
            "far",
            kind=rig.kind,
            base_url=fake.url + rig.path,
            private_network=True,
            secret_name="FAR_KEY",
            monthly_cap=5,
            assumed_price=Decimal("0.1"),
            options={"poll_interval": 0.01} if rig.kind in ("bfl", "fal", "replicate") else {},
        )
        if rig.kind == "openai_compatible":  # whoever runs a gateway knows what is behind it
            make_model(connection, is_default=True)
        yield fake


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_service_draws_a_picture(service, client, administrator):
    run("sync_models", "far")
    run("generate_images", "--post", make_post().slug, "--slots", "hero", "--provider", "far")
    engine.work()
    attempt = Attempt.objects.select_related("job").get()
    assert (attempt.state, ImageOutput.objects.count()) == ("stored", 1), attempt.error
    assert len(service.ledger) == 1 and attempt.cost > 0
    client.force_login(administrator)
    page = client.get(reverse("admin:imagegen_attempt_change", args=[attempt.pk])).content.decode()
    assert attempt.job.prompt.text[:40] in page and attempt.sent["model"] in page
    assert "NO" not in run("check_provider", "far").split("size")[0]
