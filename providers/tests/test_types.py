import json
import pickle
from decimal import Decimal

import pytest

from providers.types import (
    Capabilities,
    ConnectionConfig,
    ImageRequest,
    Issue,
    Result,
    SpoolFile,
    Validation,
)


def request(**values):
    return ImageRequest(**{"prompt": "a", "model": "m", "width": 10, "height": 20} | values)


FULL = request(
    palette=("#ffffff",), reference_images=("a.png",), extra={"a": [1]}, guidance_scale=7.5, seed=0
)


def test_request_survives_json():
    assert ImageRequest.from_dict(json.loads(json.dumps(FULL.to_dict()))) == FULL


def test_request_with_an_unknown_name_is_an_error():
    with pytest.raises(TypeError, match="colour"):
        ImageRequest.from_dict({**FULL.to_dict(), "colour": "red"})


def test_equal_requests_have_equal_fingerprints():
    one = request(extra={"a": 1, "b": 2})
    two = request(extra={"b": 2, "a": 1})
    assert one.fingerprint() == two.fingerprint()


@pytest.mark.parametrize("change", [{"seed": 1}, {"prompt": "b"}, {"extra": {"x": 1}}])
def test_any_change_changes_the_fingerprint(change):
    assert request(**change).fingerprint() != request().fingerprint()


def test_fingerprint_bears_odd_text():
    assert len(request(prompt="ü 🚀 \ud800").fingerprint()) == 64


def test_capabilities_survive_json():
    capabilities = Capabilities(max_pixels=9, qualities=("low",), extra=("*",), seed=True)
    assert Capabilities.from_dict(json.loads(json.dumps(capabilities.to_dict()))) == capabilities


def test_unknown_capability_is_named():
    with pytest.raises(ValueError, match="wings"):
        Capabilities.from_dict({"wings": True})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_side", "64"),
        ("max_side", -1),
        ("seed", 1),
        ("sizes", "64x64"),
        ("qualities", [1]),
        ("max_pixels", True),
        ("reference_images", None),
    ],
)
def test_capability_of_a_wrong_type_is_named(name, value):
    with pytest.raises(ValueError, match=name):
        Capabilities.from_dict({name: value})


def test_row_lies_over_the_adapters_knowledge():
    merged = Capabilities(seed=True, max_side=10).overlaid({"max_side": 20})
    assert (merged.seed, merged.max_side) == (True, 20)


def test_result_survives_json():
    result = Result(
        files=(SpoolFile(path="/a", sha256="00", size=3),),
        cost=Decimal("0.040000"),
        notes=("n",),
        usage={"tokens": 3},
    )
    assert Result.from_dict(json.loads(json.dumps(result.to_dict()))) == result


def test_secret_is_not_in_the_representation():
    assert "s3cret" not in repr(ConnectionConfig(name="a", kind="b", secret="s3cret"))


def test_snapped_request_is_ok_and_a_refused_one_is_not():
    snapped, error = Issue("size", "", "snapped"), Issue("seed", "", "error")
    assert Validation(request(), (snapped,)).ok
    assert Validation(request(), (snapped, error)).errors == (error,)


def test_values_travel_between_processes():
    again = pickle.loads(pickle.dumps(FULL))  # noqa: S301 - our own bytes
    assert again == FULL
