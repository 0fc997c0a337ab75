"""Black Forest Labs against its fake: the call, what is sent, what each answer becomes."""

from decimal import Decimal

import pytest

from providers import errors
from providers.backends.bfl import build_payload
from providers.registry import make_provider
from providers.tests.contract import ProviderContract
from providers.tests.fakes.bfl import KEY, FakeBfl
from providers.tests.hosted import ask, connect, reference
from providers.tests.queued import QueueRules
from providers.types import ConnectionConfig, Handle, HealthLevel, ImageRequest

MODEL = "flux-2-pro"


class TestBfl(ProviderContract):
    kind, model = "bfl", MODEL

    @pytest.fixture
    def connection(self):
        with FakeBfl() as fake:
            yield connect("bfl", fake, KEY)


class TestFlux3(TestBfl):
    model, width, height = "flux-3-image", 1248, 832


class TestBflQueue(QueueRules):
    kind, model, key, address_name = "bfl", MODEL, KEY, "polling_url"


@pytest.fixture
def fake():
    with FakeBfl() as fake:
        yield fake


def draw(fake, sink, model=MODEL, width=640, height=416, secret=KEY, **values):
    return ask(make_provider(connect("bfl", fake, secret)), sink, model, width, height, **values)


def payload(model, width, height, **values):
    return build_payload(
        ImageRequest(prompt="A tree", model=model, width=width, height=height, **values)
    )


def bare(**fields):
    return make_provider(ConnectionConfig(name="mine", kind="bfl", secret=KEY, **fields))


# --- What is sent -----------------------------------------------------------------------


def test_flux_2_takes_pixels_seed_and_format():
    assert payload(MODEL, 640, 416, seed=7, output_format="jpeg") == {
        "prompt": "A tree",
        "width": 640,
        "height": 416,
        "seed": 7,
        "output_format": "jpeg",
    }


def test_flex_takes_steps_and_guidance():
    sent = payload("flux-2-flex", 640, 416, steps=30, guidance_scale=4.5)
    assert (sent["steps"], sent["guidance"]) == (30, 4.5)
    capabilities = bare().capabilities("flux-2-flex")
    assert capabilities.steps and not bare().capabilities(MODEL).steps


@pytest.mark.parametrize(
    ("width", "height", "ratio", "size"),
    [
        (1024, 1024, "1:1", "1k"),
        (2736, 1536, "16:9", "2k"),  # seen of a real picture (2026-10)
        (5008, 3344, "3:2", "4k"),
        (496, 1168, "9:21", "768sq"),
    ],
)
def test_flux_3_takes_ratio_and_class(width, height, ratio, size):
    sent = payload("flux-3-image", width, height)
    assert sent == {"prompt": "A tree", "aspect_ratio": ratio, "resolution": size}


def test_every_size_of_flux_3_has_a_ratio_and_class():
    sizes = [size.split("x") for size in bare().capabilities("flux-3-image").sizes]
    sent = [payload("flux-3-image", int(w), int(h)) for w, h in sizes]
    assert len({(one["aspect_ratio"], one["resolution"]) for one in sent}) == len(sizes) == 60


@pytest.mark.parametrize(
    ("model", "names"),
    [(MODEL, ["input_image", "input_image_2"]), ("flux-3-image", ["images"])],
)
def test_references_are_sent_as_the_model_wants_them(fake, sink, tmp_path, model, names):
    (one, told), (two, _) = reference(tmp_path, 1), reference(tmp_path, 2)
    draw(fake, sink, model, 1024, 1024, reference_images=(one, two))
    body = fake.calls()[0].json()
    assert [name for name in body if "image" in name] == names
    assert told in [sink.sent[0][names[0]], *sink.sent[0].get("images", ())]


def test_sizes_are_snapped_to_steps_of_16():
    provider = bare()
    request = ImageRequest(prompt="A tree", model=MODEL, width=1000, height=600)
    fitted = provider.validate(request, provider.capabilities(MODEL)).request
    assert (fitted.width, fitted.height) == (992, 608)


def test_model_of_another_kind_is_refused_before_any_call(fake, sink):
    with pytest.raises(errors.ModelUnavailable):
        draw(fake, sink, "flux-kontext-pro")
    assert fake.requests == []


def test_what_only_the_catalogue_promises_is_refused_before_any_call(fake, sink):
    with pytest.raises(errors.InvalidRequest, match="seed cannot be sent"):
        draw(fake, sink, "flux-3-image", 1024, 1024, seed=7)
    assert fake.requests == []


# --- What comes back --------------------------------------------------------------------


def test_price_told_in_credits_is_money(fake, sink):
    result = draw(fake, sink)
    assert (result.cost, result.seed) == (Decimal("0.03"), 42)
    assert result.usage == {"cost": 3.0, "input_mp": 0.0, "output_mp": 1.0}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("quota", errors.QuotaExhausted),
        ("rate_limit", errors.RateLimited),
        ("model_gone", errors.ModelUnavailable),
        ("bad_parameter", errors.InvalidRequest),
        ("status:403", errors.AuthFailed),
        ("status:500", errors.OutcomeUnknown),
        ("status:503", errors.OutcomeUnknown),
    ],
)
def test_refused_call(fake, sink, fault, kind):
    fake.faults(fault)
    with pytest.raises(kind):
        draw(fake, sink)


# --- Whom the secret is shown -----------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["https://api.eu2.bfl.ai/v1/get_result?id=1", "https://api.bfl.ai/v1/get_result?id=1"]
)
def test_hosts_of_the_service_may_be_looked_at(url):
    assert bare().client_for(url).base_url.startswith("https://api.")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://bfl.ai.evil.example/",
        "https://evilbfl.ai/",
        "http://api.eu2.bfl.ai/",
        "https://api.eu2.bfl.ai:8443/",
        "https://user@api.bfl.ai/",
        "ftp://api.bfl.ai/",
        # Two readers of addresses could find two hosts in these.
        "https://evil.example\\.bfl.ai/",
        "https://evil.example\\@api.bfl.ai/",
        "https://evil.example\t.bfl.ai/",
        "https://evil.example%2f.bfl.ai/",
        "https://api.bfl.ai/\r\nHost: evil.example",
        "",
    ],
)
def test_other_addresses_may_not(url):
    with pytest.raises(errors.InvalidResponse):
        bare().client_for(url)


def test_a_gateways_secret_is_not_shown_to_the_service_itself():
    gateway = bare(base_url="https://gateway.example")
    with pytest.raises(errors.InvalidResponse):
        gateway.client_for("https://api.bfl.ai/v1/get_result?id=1")


def test_another_host_of_the_service_gets_no_private_network():
    private = bare(private_network=True)
    assert private.client_for("https://api.us3.bfl.ai/").config.private_network is False


@pytest.mark.parametrize("told", [-1, 10**12, None, "3", [], "NaN"])
def test_price_that_cannot_be_one_counts_as_not_told(fake, sink, told):
    provider = make_provider(connect("bfl", fake, KEY))
    request = ImageRequest(prompt="A tree", model=MODEL, width=64, height=64)
    handle = provider.submit(request, "key", sink)
    odd = Handle({**handle.data, "usage": {"cost": told}})
    assert provider.collect(odd, sink).cost in (None, Decimal("0.03"))


# --- Health -----------------------------------------------------------------------------


def test_wrong_secret_is_found_out_by_health(fake):
    provider = make_provider(connect("bfl", fake, "wrong"))
    assert provider.health(HealthLevel.REACHABLE).ok is True
    assert provider.health(HealthLevel.AUTHENTICATED).ok is False


def test_page_of_somebody_else_is_no_accepted_secret(fake):
    fake.faults("html_200", on="poll")
    provider = make_provider(connect("bfl", fake, KEY))
    assert provider.health(HealthLevel.AUTHENTICATED).ok is False
