import json
import time

import pytest

from providers import errors
from providers.registry import make_provider
from providers.tests.comfy import PICTURE_NODES, ask, ask_for, connect, hold_job, new_key, sent_to
from providers.tests.contract import ProviderContract
from providers.tests.fakes import recorded
from providers.tests.fakes.comfyui import FakeComfy
from providers.tests.workflows import make_graph
from providers.types import Handle


class TestComfyUI(ProviderContract):
    kind = "comfyui"

    @pytest.fixture(params=["old", "new"])
    def connection(self, request):
        with FakeComfy(old=request.param == "old") as fake:
            yield connect(fake, deadline=20.0)


@pytest.fixture(params=["old", "new"])
def each(request):
    """The fake in both versions, for what they do differently."""
    with FakeComfy(old=request.param == "old") as fake:
        yield fake


@pytest.fixture
def fake():
    with FakeComfy() as fake:
        yield fake


# --- What is sent ------------------------------------------------------------------------


def test_key_is_the_id_of_the_job(each, sink):
    key = new_key()
    ask(connect(each), sink, key.upper())
    assert sent_to(each)["prompt_id"] == key
    assert [charge.identity for charge in each.ledger] == [key]


def test_values_go_to_the_bound_inputs(fake, sink):
    ask(connect(fake), sink, seed=5, steps=9, guidance_scale=4.5, negative_prompt="fog")
    graph = sent_to(fake)["prompt"]
    sampler = graph["3"]["inputs"]
    assert [sampler[name] for name in ("seed", "steps", "cfg")] == [5, 9, 4.5]
    assert (graph["6"]["inputs"]["text"], graph["7"]["inputs"]["text"]) == ("A tree", "fog")
    assert graph["5"]["inputs"] == {"width": 128, "height": 64, "batch_size": 1}


def test_seed_is_sent_even_if_none_was_asked_for(fake, sink):
    result = ask(connect(fake), sink)
    assert sent_to(fake)["prompt"]["3"]["inputs"]["seed"] == result.seed
    assert 0 <= result.seed < 2**53


def test_same_request_twice_is_drawn_twice(fake, sink):
    files = [ask(connect(fake), sink, seed=5).files[0].path for _ in range(2)]
    prefixes = {call.json()["prompt"]["9"]["inputs"]["filename_prefix"] for call in fake.calls()}
    assert (len(set(files)), len(prefixes), len(fake.ledger)) == (2, 2, 2)


def test_each_call_has_a_client_of_its_own(fake, sink):
    for _ in range(2):
        ask(connect(fake), sink)
    assert len({call.json()["client_id"] for call in fake.calls()}) == 2


def test_no_origin_is_sent(fake, sink):
    ask(connect(fake), sink)
    assert not [request for request in fake.requests if "origin" in request.headers]


def test_what_is_sent_can_be_read(fake, sink):
    result = ask(connect(fake), sink)
    assert sink.sent[0]["graph"] == sent_to(fake)["prompt"]
    assert result.parameters == sink.sent[0]
    assert (result.parameters["workflow_version"], result.parameters["host"]) == (3, fake.url)


def test_value_without_a_binding_is_refused(fake, sink):
    graph = make_graph(n7={"title": "Negative"})
    with pytest.raises(errors.InvalidRequest, match="negative is not bound"):
        ask(connect(fake, graph=graph), sink, negative_prompt="fog")


def test_unknown_workflow_is_a_missing_model(fake, sink):
    with pytest.raises(errors.ModelUnavailable, match='no workflow "other"') as caught:
        ask(connect(fake), sink, model="other")
    assert "There are: any." in caught.value.hint


def test_workflow_that_cannot_be_read_is_named(fake, sink):
    with pytest.raises(errors.ConfigurationError, match='workflow "any"'):
        ask(connect(fake, graph={"nodes": [], "links": []}), sink)


# --- Reference pictures ------------------------------------------------------------------


def test_reference_pictures_are_uploaded_and_named_as_the_server_says(fake, sink, tmp_path):
    picture, mask = tmp_path / "a.PNG", tmp_path / "mask.png"
    picture.write_bytes(b"a picture")
    mask.write_bytes(b"a mask")
    graph = make_graph(**PICTURE_NODES, n3={"latent_image": ["11", 0]})
    files = {"reference_images": (str(picture),), "mask": str(mask)}
    result = ask(connect(fake, graph=graph), sink, **files)
    name = sent_to(fake)["prompt"]["10"]["inputs"]["image"]
    assert fake.files["input", "", name] == b"a picture"
    assert fake.files["input", "", sent_to(fake)["prompt"]["12"]["inputs"]["image"]] == b"a mask"
    assert sink.sent[0]["reference_images"][0]["bytes"] == 9
    assert result.parameters == sink.sent[0]


def test_name_that_is_taken_on_the_server_is_replaced(fake, sink, tmp_path):
    (tmp_path / "a.png").write_bytes(b"new")
    graph = make_graph(n10=PICTURE_NODES["n10"], n11=PICTURE_NODES["n11"])
    connection = connect(fake, graph=graph)
    ask(connection, sink, reference_images=(str(tmp_path / "a.png"),))
    first = sent_to(fake)["prompt"]["10"]["inputs"]["image"]
    fake.files["input", "", first] = b"another"
    ask(connection, sink, reference_images=(str(tmp_path / "a.png"),))
    assert sent_to(fake)["prompt"]["10"]["inputs"]["image"] == first.replace(".png", " (1).png")


def test_reference_picture_that_is_gone_is_refused_before_sending(fake, sink):
    graph = make_graph(n10=PICTURE_NODES["n10"])
    with pytest.raises(errors.InvalidRequest, match="cannot be read"):
        ask(connect(fake, graph=graph), sink, reference_images=("/nowhere.png",))
    assert fake.calls() == []


# --- Finding a job again -----------------------------------------------------------------


def test_handle_is_told_before_the_job_is_sent(fake, sink):
    key = new_key()
    seen = []
    fake.spends, known = (lambda request: _note(request, seen, sink) or known(request)), fake.spends
    ask(connect(fake), sink, key)
    assert [handle.data["id"] for handle in seen[0]] == [key, key]
    assert (seen[0][0].data, seen[0][1].data["host"]) == ({"id": key}, fake.url)


def _note(request, seen, sink):
    if request.method == "POST":
        seen.append(list(sink.handles))


def test_key_that_the_server_knows_is_not_sent_again(each, sink):
    connection, key = connect(each), new_key()
    ask(connection, sink, key)
    result = ask(connection, sink, key)
    assert (len(each.calls()), len(each.ledger), len(result.files)) == (1, 1, 1)


def test_key_that_waits_in_the_queue_is_not_sent_again(each, sink):
    connection, key = connect(each), new_key()
    hold_job(each, connection, sink, key)
    make_provider(connection).submit(ask_for(), key, sink)
    assert len(each.calls()) == 1


@pytest.mark.parametrize("fault", ["timeout", "reset", "cut_at:50%", "html_200", "status:502"])
def test_job_is_found_though_the_answer_was_lost(each, sink, fault):
    each.faults(fault)
    result = ask(connect(each), sink)
    assert (len(each.calls()), len(each.ledger), len(result.files)) == (1, 1, 1)


def test_job_that_never_came_is_in_doubt(fake, sink):
    fake.faults("reset_unread")
    with pytest.raises(errors.OutcomeUnknown):
        ask(connect(fake), sink)


def test_answer_that_is_no_answer_of_comfyui_is_named(fake, sink):
    fake.faults("html_200:free")
    with pytest.raises(errors.InvalidResponse, match="as ComfyUI does") as caught:
        ask(connect(fake), sink)
    assert (caught.value.billed, len(fake.calls())) == ("no", 1)


def test_restart_of_the_worker_collects_by_the_first_handle(each, sink):
    connection, key = connect(each), new_key()
    ask(connection, sink, key)
    result = make_provider(connection).collect(Handle({"id": key}), sink)
    assert (len(each.calls()), len(result.files)) == (1, 1)
    assert result.parameters["graph"] == sent_to(each)["prompt"]


def test_restart_of_the_server_loses_the_job_and_says_so(each, sink):
    connection = connect(each)
    handle = hold_job(each, connection, sink)
    each.restart()
    with pytest.raises(errors.JobLost) as caught:
        make_provider(connection).poll(handle, sink)
    assert caught.value.billed == "no"


def test_job_that_waits_is_not_lost(each, sink):
    connection = connect(each)
    first, second = (hold_job(each, connection, sink) for _ in range(2))
    provider = make_provider(connection)
    assert (provider.poll(first, sink), provider.poll(second, sink)) == (None, None)


def test_slow_job_is_waited_for(each, sink):
    each.faults("slow_job")
    assert len(ask(connect(each), sink).files) == 1


def test_server_that_stumbles_is_asked_again(each, sink):
    each.faults("status:502:html", "reset", "html_200", "", on="poll")
    assert len(ask(connect(each), sink).files) == 1


def test_half_a_queue_does_not_mean_that_a_job_is_lost(sink):
    with FakeComfy(old=True) as fake:
        connection = connect(fake)
        handle = hold_job(fake, connection, sink)
        fake.faults("json_200:{}", on="poll")
        with pytest.raises(errors.ProviderUnavailable, match="as ComfyUI does"):
            make_provider(connection).poll(handle, sink)


def test_job_that_ends_between_two_questions_is_found(sink):
    with FakeComfy(old=True) as fake:
        connection = connect(fake)
        handle = hold_job(fake, connection, sink)
        known, fake._queue = fake._queue, lambda: (fake.go_on(), fake._work(), known())[-1]
        assert len(make_provider(connection).poll(handle, sink).files) == 1


def test_single_look_after_the_deadline_has_time(fake, sink):
    connection, key = connect(fake), new_key()
    ask(connection, sink, key)
    fake.faults("delay:0.1", on="poll")
    provider = make_provider(connection)
    assert provider.collect(Handle({"id": key}), sink, end=time.monotonic()).files


def test_silent_server_holds_nobody_beyond_the_deadline(fake, sink):
    connection = connect(fake, deadline=0.4, read_timeout=5.0)
    handle = hold_job(fake, connection, sink)
    fake.faults("timeout", on="poll")
    started = time.monotonic()
    with pytest.raises(errors.OutcomeUnknown):
        make_provider(connection).collect(handle, sink)
    assert time.monotonic() - started < 0.9


# --- Endings -----------------------------------------------------------------------------

ENDINGS = [
    ("job_failed", errors.ProviderError, "no"),
    ("out_of_memory", errors.OutOfMemory, "no"),
    ("job_cancelled", errors.Cancelled, "no"),
    ("node_errors", errors.InvalidRequest, "no"),
    ("node_errors_200", errors.InvalidRequest, "no"),
    ("model_gone", errors.InvalidRequest, "no"),
    ("bad_parameter", errors.InvalidRequest, "no"),
    ("cached_run", errors.InvalidResponse, "yes"),
    ("no_images", errors.InvalidResponse, "yes"),
    ("deleted_file", errors.JobLost, "yes"),
    ("status:403", errors.AccessDenied, "no"),
    ("status:429", errors.RateLimited, "no"),
    ("redirect", errors.ConfigurationError, "no"),
]


@pytest.mark.parametrize(("fault", "kind", "billed"), ENDINGS)
def test_endings(each, sink, fault, kind, billed):
    each.faults(fault)
    with pytest.raises(kind) as caught:
        ask(connect(each), sink)
    assert (type(caught.value), caught.value.billed) == (kind, billed)
    assert [path for path in sink.folder.iterdir() if path.is_file()] == []


@pytest.mark.parametrize("fault", ["job_failed", "out_of_memory", "node_errors", "bad_parameter"])
def test_errors_hold_no_paths_tensors_or_tracebacks(each, sink, fault):
    each.faults(fault)
    with pytest.raises(errors.ProviderProblem) as caught:
        ask(connect(each), sink)
    told = json.dumps(caught.value.to_dict())
    assert [word for word in ("/home", "tensor", "File ", "execution.py") if word in told] == []


def test_failed_step_is_named(fake, sink):
    fake.faults("job_failed")
    with pytest.raises(errors.ProviderError, match="the step KSampler failed"):
        ask(connect(fake), sink)


def test_refused_input_is_named_with_the_value_that_was_sent(each, sink):
    graph = make_graph(n4={"ckpt_name": "gone.safetensors"})
    with pytest.raises(errors.InvalidRequest) as caught:
        ask(connect(each, graph=graph), sink)
    wrong = "node 4 (CheckpointLoaderSimple), ckpt_name gone.safetensors is not known there"
    assert caught.value.message == f'mine does not take the workflow "any": {wrong}.'
    assert caught.value.code == "prompt_outputs_failed_validation"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"n3": {"title": "", "steps": 0}}, "node 3 (KSampler), steps 0 is too small"),
        ({"n3": {"title": "", "steps": 20_000}}, "node 3 (KSampler), steps 20000 is too large"),
        ({"n8": {"class_type": "VAEEncode"}}, "node 8 (VAEEncode), pixels is missing"),
        (
            PICTURE_NODES | {"n3": {"latent_image": ["11", 0]}},
            "node 10 (LoadImage), image none.png is not accepted there",
        ),
    ],
)
def test_fault_of_an_input_is_told_in_our_words(each, sink, change, fault):
    with pytest.raises(errors.InvalidRequest) as caught:
        ask(connect(each, graph=make_graph(**change)), sink)
    assert fault in caught.value.message


@pytest.mark.parametrize("name", recorded.problems("comfyui"))
def test_recorded_refusal_becomes_one_of_ours(fake, sink, monkeypatch, name):
    monkeypatch.setattr(fake, "_prompt", lambda request: recorded.reply("comfyui", name))
    with pytest.raises(errors.ProviderProblem) as caught:
        ask(connect(fake), sink)
    recorded.check("comfyui", name, caught.value)


def test_missing_node_class_is_named(each, sink):
    graph = make_graph(n8={"class_type": "VAEDecodeSpecial"})
    with pytest.raises(errors.InvalidRequest, match="node class VAEDecodeSpecial is not installed"):
        ask(connect(each, graph=graph), sink)


def test_graph_that_is_taken_in_part_is_stopped(each, sink):
    spoilt = {"n20": {"class_type": "SaveImage", "title": "More", "filename_prefix": "x"}}
    each.held = True
    with pytest.raises(errors.InvalidRequest, match="node 20 .SaveImage., images is missing"):
        ask(connect(each, graph=make_graph(**spoilt)), sink)
    assert (each.queue, each.ledger) == ([], [])


def test_forbidden_is_explained(fake, sink):
    fake.faults("status:403")
    with pytest.raises(errors.AccessDenied) as caught:
        ask(connect(fake), sink)
    assert "Origin" in caught.value.hint


# --- Pictures ----------------------------------------------------------------------------


def test_only_the_pictures_of_the_wanted_node_are_taken(fake, sink):
    more = {"n20": {"class_type": "SaveImage", "title": "Draft", "filename_prefix": "x"}}
    more["n20"]["images"] = ["8", 0]
    ask(connect(fake, graph=make_graph(**more)), sink)
    views = [request.query for request in fake.requests if request.path == "/view"]
    assert (len(fake.ledger), [view["subfolder"] for view in views]) == (2, ["frontispiece"])


def test_every_picture_of_a_run_is_taken(fake, sink):
    assert len(ask(connect(fake, graph=make_graph(n5={"batch_size": 3})), sink).files) == 3


def test_preview_is_taken_where_nothing_is_saved(fake, sink):
    graph = make_graph(n9={"class_type": "PreviewImage"})
    assert len(ask(connect(fake, graph=graph), sink).files) == 1


def test_wanted_node_that_made_nothing_is_an_error(fake, sink):
    graph = make_graph(n9={"title": "Saved"}, n8={"title": "fp:output"})
    with pytest.raises(errors.InvalidResponse, match="there is no picture of it") as caught:
        ask(connect(fake, graph=graph), sink)
    assert "node 8. It made something elsewhere" in caught.value.hint


def test_broken_download_is_repeated_and_leaves_nothing_behind(fake, sink):
    fake.faults("", "cut_at:50%", "status:500", "", on="download")
    result = ask(connect(fake, graph=make_graph(n5={"batch_size": 3})), sink)
    kept = {str(path) for path in sink.folder.iterdir() if path.is_file()}
    assert kept == {file.path for file in result.files}


@pytest.mark.parametrize("fault", ["html_200", "empty_200", "status:403", "redirect"])
def test_what_is_no_picture_is_refused(fake, sink, fault):
    fake.faults(fault, on="download")
    with pytest.raises(errors.InvalidResponse):
        ask(connect(fake), sink)
    assert [path for path in sink.folder.iterdir() if path.is_file()] == []
