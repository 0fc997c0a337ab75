"""Texts by chat completions and responses: what is sent, what each answer becomes."""

import base64
import json
from pathlib import Path

import pytest

from providers import errors
from providers.answers import HttpAnswer
from providers.backends.openai_texts import Reading, fitted, usage_of
from providers.registry import make_provider
from providers.tests.fakes.openai import KEY, FakeGateway, FakeOpenAI
from providers.tests.hosted import reference
from providers.types import ConnectionConfig, TextRequest, TextResult

SCHEMA = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}},
    "required": ["prompt"],
    "additionalProperties": False,
}
APIS = ("responses", "chat")


@pytest.fixture
def fake():
    with FakeOpenAI() as fake:
        yield fake


def question(**values):
    fields = {"model": "gpt-5-mini", "instructions": "Write a prompt.", "data": "A post."}
    return TextRequest(**{**fields, "schema": SCHEMA, **values})


def write(fake, sink, api="responses", kind="openai", options=None, **values):
    config = ConnectionConfig(
        name="mine",
        kind=kind,
        secret=KEY,
        private_network=True,
        deadline=5.0,
        base_url=f"{fake.url}/v1",
        options={"text_api": api, **(options or {})},
    )
    return make_provider(config).write(question(**values), "key", sink)


# --- What is sent -----------------------------------------------------------------------


def test_data_is_a_message_of_its_own_by_responses(fake, sink):
    write(fake, sink)
    body = fake.requests[0].json()
    assert body["instructions"] == "Write a prompt."
    assert body["input"] == [
        {"role": "user", "content": [{"type": "input_text", "text": "A post."}]}
    ]


def test_data_is_a_message_of_its_own_by_chat(fake, sink):
    write(fake, sink, "chat")
    assert fake.requests[0].json()["messages"] == [
        {"role": "system", "content": "Write a prompt."},
        {"role": "user", "content": "A post."},
    ]


@pytest.mark.parametrize("api", APIS)
def test_no_tools_are_offered_and_nothing_is_said_twice(fake, sink, api):
    write(fake, sink, api)
    body = fake.requests[0].json()
    assert not {"tools", "tool_choice", "functions", "stream"} & set(body)
    assert fake.requests[0].body.count(b"A post.") == 1


@pytest.mark.parametrize("api", APIS)
def test_what_was_sent_is_what_was_told(fake, sink, api):
    write(fake, sink, api)
    assert sink.sent == [fake.requests[0].json()]


@pytest.mark.parametrize("api", APIS)
def test_service_is_asked_not_to_keep_it(fake, sink, api):
    write(fake, sink, api)
    assert fake.requests[0].json()["store"] is False


@pytest.mark.parametrize(
    ("api", "name"), [("responses", "max_output_tokens"), ("chat", "max_completion_tokens")]
)
def test_length_is_limited(fake, sink, api, name):
    write(fake, sink, api, max_output_tokens=77)
    assert fake.requests[0].json()[name] == 77


@pytest.mark.parametrize(("api", "sent"), [("responses", {"effort": "low"}), ("chat", "low")])
def test_reasoning_effort_is_sent_when_set(fake, sink, api, sent):
    write(fake, sink, api, options={"reasoning_effort": "low"})
    assert (
        fake.requests[0].json()["reasoning" if api == "responses" else "reasoning_effort"] == sent
    )


@pytest.mark.parametrize("api", APIS)
def test_pictures_go_along_and_are_told_by_their_hash(fake, sink, tmp_path, api):
    path, told = reference(tmp_path)
    write(fake, sink, api, images=(path,))
    encoded = base64.b64encode(Path(path).read_bytes())
    assert b"data:image/png;base64," + encoded in fake.requests[0].body
    assert sink.sent[0]["images"] == [told]
    assert "base64" not in json.dumps(sink.sent)


def test_gateway_gets_the_names_that_it_knows(sink):
    with FakeGateway() as fake:
        options = {"extra_body": {"top_k": 5}, "drop_params": ["response_format"]}
        write(fake, sink, "chat", "openai_compatible", options)
        body = fake.requests[0].json()
    assert (body["max_tokens"], body["top_k"]) == (2000, 5)
    assert not {"response_format", "max_completion_tokens", "store"} & set(body)
    assert sink.sent == [body]


@pytest.mark.parametrize("api", APIS)
def test_gateway_is_told_the_schema_in_words_too(sink, api):
    with FakeGateway() as fake:
        options = {"drop_params": ["response_format", "text"]}
        write(fake, sink, api, "openai_compatible", options)
        body = fake.requests[0].json()
    told = body["instructions"] if api == "responses" else body["messages"][0]["content"]
    assert told.startswith("Write a prompt.") and json.dumps(SCHEMA) in told
    assert not {"response_format", "text"} & set(body)


# --- What comes back --------------------------------------------------------------------


@pytest.mark.parametrize("api", APIS)
def test_answer_is_data_with_its_facts(fake, sink, api):
    result = write(fake, sink, api)
    assert result.data == {"prompt": "A lighthouse in fog"}
    assert (result.model, result.request_id) == ("gpt-5-mini", "req_0")
    assert (result.usage["input_tokens"], result.usage["output_tokens"]) == (40, 12)


def test_result_survives_json(fake, sink):
    result = write(fake, sink)
    assert TextResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"prompt": "x"}\n```',
        ' {"prompt": "x"}\n',
        '<think>\nMaybe {"prompt": "y"}?\n</think>\n\n{"prompt": "x"}',
        'Let me see.\n</think>\n```json\n{"prompt": "x"}\n```',
    ],
)
def test_json_is_found_in_what_local_models_put_around_it(fake, sink, text):
    fake.written = text
    assert write(fake, sink).data == {"prompt": "x"}


def test_properties_that_nobody_asked_for_are_left_out(fake, sink):
    fake.written = {"prompt": "x", "note": "y"}
    assert write(fake, sink).data == {"prompt": "x"}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("written", ["", "Here you are!", "[]", '"x"', '{"text": "x"}', "[" * 9999])
def test_answer_that_does_not_fit_is_invalid_and_paid(fake, sink, api, written):
    fake.written = written
    with pytest.raises(errors.InvalidResponse) as caught:
        write(fake, sink, api)
    assert (caught.value.billed, caught.value.request_id) == ("yes", "req_0")


@pytest.mark.parametrize("api", APIS)
def test_answer_that_breaks_off_is_invalid_and_paid(fake, sink, api):
    fake.faults("cut_text")
    with pytest.raises(errors.InvalidResponse, match="limit of 2,000 tokens") as caught:
        write(fake, sink, api)
    assert caught.value.billed == "yes"


@pytest.mark.parametrize("api", APIS)
def test_refusal_is_a_rejection_and_paid(fake, sink, api):
    fake.faults("refusal")
    with pytest.raises(errors.ContentRejected) as caught:
        write(fake, sink, api)
    assert (caught.value.stage, caught.value.billed) == ("output", "yes")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("quota", errors.QuotaExhausted),
        ("rate_limit", errors.RateLimited),
        ("status:500", errors.OutcomeUnknown),
        ("reset", errors.OutcomeUnknown),
        ("html_200", errors.InvalidResponse),
        ("huge_body", errors.InvalidResponse),
        (
            'json_200:{"error": {"message": "no", "code": "insufficient_quota"}}',
            errors.QuotaExhausted,
        ),
        ('json_200:{"error": "sorry"}', errors.InvalidResponse),
        ("json_200:[]", errors.InvalidResponse),
        ("json_200:{}", errors.InvalidResponse),
    ],
)
@pytest.mark.parametrize("api", APIS)
def test_each_failure_has_its_error(fake, sink, api, fault, kind):
    fake.faults(fault)
    with pytest.raises(errors.ProviderProblem) as caught:
        write(fake, sink, api)
    assert type(caught.value) is kind
    assert len(fake.requests) == 1


ODD = [
    {"choices": None}, {"choices": [7]}, {"choices": [{"message": None}]},
    {"choices": [{"message": {"content": [{"type": "text"}]}}]},
    {"output": 7}, {"output": [{"type": "message", "content": "x"}]},
    {"output": [{"type": "message", "content": [{"type": "output_text", "text": None}]}]},
    {"status": "incomplete"}, {"incomplete_details": 3},
]  # fmt: skip


@pytest.mark.parametrize("answer", ODD)
def test_answers_of_odd_shapes_are_invalid(answer):
    with pytest.raises(errors.InvalidResponse):
        Reading("mine", HttpAnswer(200), question()).data(answer)


def test_filtered_answers_are_rejections():
    reading = Reading("mine", HttpAnswer(200), question())
    chat = {"choices": [{"message": {"content": "{}"}, "finish_reason": "content_filter"}]}
    for answer in (chat, {"incomplete_details": {"reason": "content_filter"}}):
        with pytest.raises(errors.ContentRejected):
            reading.data(answer)


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4}, {"input_tokens": 3, "output_tokens": 4}),
        ({"input_tokens": 3, "output_tokens": 4}, {"input_tokens": 3, "output_tokens": 4}),
        (None, {}),
        ("much", {}),
    ],
)
def test_usage_has_the_same_names_everywhere(told, read):
    assert read.items() <= usage_of({"usage": told}).items()


# --- Schemas ----------------------------------------------------------------------------

NESTED = {
    "type": "object",
    "properties": {
        "title": {"type": ["string", "null"]},
        "mood": {"enum": ["calm", "loud"]},
        "shots": {"type": "array", "items": SCHEMA},
        "count": {"type": "integer"},
    },
    "required": ["title", "shots"],
}


def test_value_that_fits_is_kept():
    value = {"title": None, "mood": "calm", "shots": [{"prompt": "x"}], "count": 2}
    assert fitted(value, NESTED) == value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"shots": []}, "answer has no title"),
        ({"title": 7, "shots": []}, "answer.title is not of the type string or null"),
        ({"title": "", "shots": [{}]}, r"answer.shots\[0\] has no prompt"),
        ({"title": "", "shots": [], "mood": "odd"}, "answer.mood is not one of"),
        ({"title": "", "shots": [], "count": True}, "answer.count is not of the type integer"),
        ({"title": "", "shots": [], "count": 1.5}, "answer.count is not of the type integer"),
        (None, "answer is not of the type object"),
    ],
)
def test_value_that_does_not_fit_is_named(value, problem):
    with pytest.raises(ValueError, match=problem):
        fitted(value, NESTED)
