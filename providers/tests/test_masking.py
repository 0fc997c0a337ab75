"""A service that repeats the request gives no secret away."""

import base64
import json

import pytest

from providers.errors import OutcomeUnknown, ProviderProblem
from providers.http import HttpClient
from providers.masking import masked, masked_pieces, secret_words
from providers.registry import make_provider
from providers.tests.servers import reply, serving
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, HealthLevel, ImageRequest

SECRET = "editor:v3ry-secret-w0rd"
BASIC = base64.b64encode(SECRET.encode()).decode()
KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"
GRAPH = {
    "1": {"class_type": "Text", "inputs": {"text": ""}, "_meta": {"title": "fp:prompt"}},
    "2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "a"}},
}
MODELS = {
    "openai": "gpt-image-2",
    "openai_compatible": "gpt-image-2",
    "gemini": "gemini-3-pro-image",
    "bfl": "flux-2-pro",
    "fal": "fal-ai/flux-2-pro",
    "replicate": "black-forest-labs/flux-2-pro",
    "stability": "ultra",
    "sdapi": "sdxl",
    "comfyui": "plain",
}


def config(url, kind="openai", **more) -> ConnectionConfig:
    return ConnectionConfig(
        name="echo", kind=kind, base_url=url, secret=SECRET, private_network=True, **more
    )


def repeating(status, as_json):
    """Answers with the headers of the request, in its body and in its own headers."""

    def script(connection, request):
        lines = request.split(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        lines.sort(key=lambda line: not ("v3ry" in line or BASIC in line))
        said = " ".join(lines)
        body = f"You sent {said}"
        if as_json:
            body = json.dumps({"detail": said, "error": {"message": said}, "errors": [said]})
        headers = [f"x-request-id: {lines[0]}", f"x-ratelimit-key: {lines[0]}"]
        connection.sendall(reply(body.encode(), status, *headers))

    return script


def gives_away(text: str) -> bool:
    return any(word in text for word in ("v3ry", BASIC))


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "500 Oops"])
@pytest.mark.parametrize("kind", MODELS)
def test_no_error_repeats_the_secret(kind, status, as_json, tmp_path):
    request = ImageRequest(prompt="A wall", model=MODELS[kind], width=1024, height=1024)
    sink = FolderSink(tmp_path)
    with serving(repeating(status, as_json)) as server:
        workflows = {"plain": {"graph": GRAPH, "version": 1}}
        provider = make_provider(config(server.url, kind, deadline=2, workflows=workflows))
        with pytest.raises(ProviderProblem) as caught:
            provider.submit(request, KEY, sink)
        try:
            health = provider.health(HealthLevel.AUTHENTICATED).message
        except ProviderProblem as problem:
            health = str(problem.to_dict())
    assert any(b"v3ry" in one or BASIC.encode() in one for one in server.requests)
    assert not gives_away(f"{caught.value.to_dict()}{health}{sink.request_ids}")


def test_a_broken_answer_that_repeats_the_secret_is_not_told():
    def script(connection, request):
        connection.sendall(f"Bearer {SECRET} is wrong\r\n\r\n".encode())

    with serving(script) as server, pytest.raises(OutcomeUnknown) as caught:
        HttpClient(config(server.url)).request("POST", "x")
    assert not gives_away(caught.value.hint)


@pytest.mark.parametrize("size", [1, 3, 10, 1000])
def test_a_secret_in_several_pieces_is_found(size):
    body = f"a {SECRET} b {BASIC} ed edi editor:v3".encode()
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    words = secret_words(SECRET, {"Authorization": f"Basic {BASIC}"})
    assert b"".join(masked_pieces(pieces, words)) == b"a *** b *** ed edi editor:v3"


@pytest.mark.parametrize("told", ["a/b+c/d==efgh", r"a\/b+c\/d==efgh", "a%2Fb%2Bc%2Fd%3D%3Defgh"])
def test_secret_is_found_as_json_and_addresses_write_it(told):
    words = secret_words("a/b+c/d==efgh", {})
    assert masked(f"[{told}]".encode(), words) == b"[***]"


def test_short_secrets_and_schemes_are_no_words():
    assert secret_words("a:b", {"Authorization": "Bearer a:b"}) == ()


def test_an_answer_without_the_secret_is_untouched():
    with serving(lambda connection, request: connection.sendall(reply(b"Bearer 1"))) as server:
        assert HttpClient(config(server.url)).request("GET", "x").body == b"Bearer 1"
