import pytest

from providers import errors
from providers.backends.comfyui.answers import (
    Picture,
    failure_of,
    graph_of,
    outputs_of,
    pictures_of,
    refusal_of,
    text_of,
)
from providers.tests.fakes import recorded
from providers.tests.workflows import make_graph

IMAGE = {"filename": "a_00001_.png", "subfolder": "x y", "type": "output"}


def ended(how, **data):
    """A history entry as it was seen, with a picture in it, and other data of its end."""
    seen = recorded.answers("comfyui")[how]["body"]
    entry = recorded.filled(seen, {"outputs": {"9": {"images": [IMAGE]}}})
    entry["status"]["messages"][-1][1].update(data)
    return entry


def test_success_is_no_failure():
    assert failure_of(ended("ended well"), "mine") is None


@pytest.mark.parametrize("name", recorded.problems("comfyui", ends=True))
def test_recorded_end_becomes_a_problem_though_there_are_outputs(name):
    problem = failure_of(ended(name), "mine")
    recorded.check("comfyui", name, problem)
    told = str(problem.to_dict())
    assert [word for word in ("/home", "tensor(", "File ") if word in told] == []


@pytest.mark.parametrize("status", [{"status_str": "error", "messages": []}, {"status_str": "?"}])
def test_failure_without_a_message_is_one(status):
    assert isinstance(failure_of({"status": status}, "mine"), errors.ProviderError)


@pytest.mark.parametrize("entry", [{}, {"status": None}, {"status": {"messages": [7, ["x"]]}}])
def test_entry_without_a_status_is_judged_by_its_outputs(entry):
    assert failure_of(entry, "mine") is None


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("torch.OutOfMemoryError", ""),
        ("torch.cuda.OutOfMemoryError", "CUDA"),
        ("RuntimeError", "CUDA out of memory. Tried to allocate 2 GiB"),
        ("comfy.Error", "Allocation on device"),
        ("MemoryError", ""),
    ],
)
def test_want_of_memory_is_known_by_type_or_words(kind, words):
    entry = ended("ended by an error", exception_type=kind, exception_message=words)
    assert isinstance(failure_of(entry, "mine"), errors.OutOfMemory)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("one\n  two\n", "one two"),
        ("No file '/home/a b/x.png' here", "No file … here"),
        ("see /srv/comfy/models/x.pt now", "see … now"),
        (r"see C:\Users\me\x.pt", "see …"),
        ("got tensor([[1, 2],\n [3, 4]]) of", "got …"),
        ("sub/model.pt (77x2048 and 768x320)", "sub/model.pt (77x2048 and 768x320)"),
        (None, ""),
        ("a" * 900, "a" * 300),
    ],
)  # fmt: skip
def test_words_of_a_server_are_cleaned(text, kept):
    assert text_of(text) == kept


def test_saved_pictures_go_before_shown_ones():
    shown = {**IMAGE, "filename": "b.png", "type": "temp"}
    entry = {"outputs": {"9": {"images": [shown, IMAGE]}}}
    assert [picture.filename for picture in pictures_of(entry, ["9"], "mine")] == ["a_00001_.png"]


@pytest.mark.parametrize("output", [{}, {"images": []}, {"images": [None, {}]}, {"gifs": [IMAGE]}])
def test_output_without_pictures_is_an_error(output):
    with pytest.raises(errors.InvalidResponse):
        pictures_of({"outputs": {"9": output, "8": {"images": [IMAGE]}}}, ["9"], "mine")


def test_every_wanted_node_must_have_made_something():
    with pytest.raises(errors.InvalidResponse, match="no picture"):
        pictures_of(ended("ended well"), ["9", "12"], "mine")


def test_query_is_written_safely():
    assert (
        Picture("a&b.png", "x y", "output").query == "filename=a%26b.png&subfolder=x+y&type=output"
    )


def test_outputs_are_read_from_the_graph_that_was_run():
    entry = {"prompt": [0, "id", make_graph(), {}, ["9"]]}
    assert outputs_of(entry, "mine") == ("9",)


def test_graph_larger_than_any_of_ours_is_not_kept():
    assert graph_of({"prompt": [0, "key", {"1": {"text": "a" * 2**20}}]}) == {}


def test_graph_that_cannot_be_read_is_no_answer():
    with pytest.raises(errors.InvalidResponse):
        outputs_of({"prompt": [0, "id", {}]}, "mine")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"error": "no", "node_errors": []},
        {"error": {"type": "<b>"}, "node_errors": {"9": {"errors": [None, {"extra_info": 7}]}}},
        {"node_errors": {"77": None}},
    ],
)
def test_odd_refusals_are_refusals(body):
    problem = refusal_of(body, make_graph(), "any", "mine")
    assert (problem.billed, problem.code) == ("no", "")
    assert 'does not take the workflow "any"' in problem.message


def test_long_values_are_left_out():
    fault = {"type": "invalid_input_type", "extra_info": {"input_name": "text"}}
    graph = make_graph(n6={"text": "word " * 100})
    problem = refusal_of({"node_errors": {"6": {"errors": [fault]}}}, graph, "any", "mine")
    assert problem.message.endswith("node 6 (CLIPTextEncode), text is of a wrong type.")
