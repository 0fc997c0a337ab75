"""A graph is read with its bindings, or refused with a sentence; it is filled in by copies."""

import copy
import json
import time
from decimal import Decimal

import pytest

from providers.tests.workflows import GRAPH, make_graph
from providers.workflows.graph import Graph, Target, WorkflowProblem


def refusal(data) -> str:
    with pytest.raises(WorkflowProblem) as caught:
        Graph.parse(data)
    return str(caught.value)


def targets(graph, name):
    return [(target.node, target.input) for target in graph.bindings[name]]


# --- Bindings -----------------------------------------------------------------------------


def test_titles_bind_the_natural_inputs():
    graph = Graph.parse(GRAPH)
    assert {name: targets(graph, name) for name in graph.bindings} == {
        "prompt": [("6", "text")],
        "negative": [("7", "text")],
        "seed": [("3", "seed")],
        "width": [("5", "width")],
        "height": [("5", "height")],
        "steps": [("3", "steps")],
        "cfg": [("3", "cfg")],
    }
    assert graph.outputs == ("9",)


def test_one_parameter_goes_to_many_inputs():
    graph = Graph.parse(make_graph(n7={"title": "fp:prompt"}))
    assert targets(graph, "prompt") == [("6", "text"), ("7", "text")]


def test_explicit_input_is_taken():
    node = {"class_type": "RandomNoise", "other": 3, "noise_seed": 1, "title": "fp:seed=other"}
    assert ("20", "other") in targets(Graph.parse(make_graph(n20=node)), "seed")


def test_encoder_with_two_texts_takes_the_prompt_in_both():
    node = {"class_type": "CLIPTextEncodeSDXL", "text_g": "", "text_l": "", "title": "fp:prompt"}
    graph = Graph.parse(make_graph(n6={"title": ""}, n20=node))
    assert targets(graph, "prompt") == [("20", "text_g"), ("20", "text_l")]


def test_one_node_takes_prompt_and_negative():
    node = {
        "class_type": "TextEncodeQwenImage21",
        "prompt": "",
        "negative_prompt": "",
        "title": "fp:prompt fp:negative",
    }
    graph = Graph.parse(make_graph(n6={"title": ""}, n7={"title": ""}, n20=node))
    assert targets(graph, "prompt") == [("20", "prompt")]
    assert targets(graph, "negative") == [("20", "negative_prompt")]


@pytest.mark.parametrize("title", ["FP:Prompt", "The text (fp:prompt)", "a, fp:prompt, b"])
def test_token_is_found_in_any_title(title):
    assert "prompt" in Graph.parse(make_graph(n6={"title": title})).bindings


def test_title_without_token_binds_nothing():
    graph = Graph.parse(make_graph(n3={"title": "fpx seed"}))
    assert not {"seed", "steps", "cfg"} & graph.bindings.keys()


@pytest.mark.parametrize("title", [None, 3, {"a": 1}])
def test_odd_titles_are_no_titles(title):
    graph = make_graph()
    graph["8"]["_meta"] = {"title": title}
    assert Graph.parse(graph).outputs == ("9",)


def test_classes_are_told():
    assert {"KSampler", "SaveImage"} <= Graph.parse(GRAPH).classes


# --- Refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize("data", [None, [], "text", 3, [1, 2]])
def test_what_is_no_object_is_refused(data):
    assert "JSON object" in refusal(data)


@pytest.mark.parametrize(
    "data",
    [
        {"nodes": [], "links": [], "version": 0.4},
        {"workflow": {"nodes": [{"id": 1}], "links": []}},
        {**GRAPH, "extra": {"nodes": []}},
    ],
)
def test_save_format_is_refused_with_the_way_to_export(data):
    text = refusal(data)
    assert "Export (API)" in text
    assert "Save (API Format)" in text


@pytest.mark.parametrize(
    "node", [None, [], "x", {}, {"class_type": "A"}, {"class_type": 3, "inputs": {}}]
)
def test_what_is_no_node_is_refused(node):
    assert '"20" is no node' in refusal({**GRAPH, "20": node})


def test_empty_graph_is_refused():
    assert "empty" in refusal({})


def test_large_graph_is_refused():
    texts = {f"t{number}": "x" * 19_000 for number in range(60)}
    assert "too large" in refusal(make_graph(n20=texts))


@pytest.mark.parametrize("value", [float("nan"), "a\x00b", 2**64 - 1])
def test_what_cannot_be_stored_is_refused(value):
    assert "cannot be stored" in refusal(make_graph(n6={"odd": value}))


def test_input_that_cannot_be_stored_is_named():
    assert "The input seed of node 3 cannot be stored" in refusal(
        make_graph(n3={"seed": 2**64 - 1})
    )


def test_deep_graph_is_refused_without_a_crash():
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    assert "too many levels" in refusal(make_graph(n6={"odd": deep}))


def test_link_to_a_missing_node_is_refused():
    text = refusal(make_graph(n4=None))
    assert '"4", which is not in the workflow' in text


def test_circle_is_refused():
    assert "circle" in refusal(make_graph(n4={"loop": ["9", 0]}))


@pytest.mark.parametrize("name", ["API_Key", "accessToken", "Authorization"])
@pytest.mark.parametrize("start", ["", "Bearer ", "\n"])
def test_secret_of_a_custom_node_is_refused_without_being_told(name, start):
    data = make_graph()
    data["6"]["inputs"][name] = f"{start}sk-0123456789abcdef"
    assert f"its input {name} seems to hold a secret" in (text := refusal(data))
    assert "0123456789" not in text


@pytest.mark.parametrize("value", ["", "%API_KEY%", "a word of the prompt", ["5", 0], 12])
def test_what_is_no_secret_passes(value):
    data = make_graph()
    data["6"]["inputs"]["token"] = value
    assert Graph.parse(data)


def test_long_chain_is_read_at_once():
    steps = {f"n{n}": {"class_type": "Step", "last": [str(n - 1), 0]} for n in range(101, 5000)}
    graph = make_graph(n100={"class_type": "Step"}, **steps)
    before = time.perf_counter()
    Graph.parse(graph)
    assert time.perf_counter() - before < 2


def test_unknown_title_is_named_with_the_known_ones():
    text = refusal(make_graph(n8={"title": "fp:promt"}))
    assert "Node 8" in text
    assert "fp:promt" in text
    assert "fp:prompt" in text


def test_space_after_the_colon_is_explained():
    assert "followed by a space" in refusal(make_graph(n6={"title": "fp: prompt"}))


def test_graph_without_prompt_is_refused():
    assert "No node is titled fp:prompt" in refusal(make_graph(n6={"title": "Prompt"}))


@pytest.mark.parametrize(("one", "other"), [("width", "height"), ("height", "width")])
def test_one_side_without_the_other_is_refused(one, other):
    assert f"fp:{other} is not" in refusal(make_graph(n5={"title": f"fp:{one}"}))


def test_mask_without_an_image_is_refused():
    mask = {"class_type": "LoadImageMask", "image": "a.png", "title": "fp:mask"}
    assert "fp:image is not" in refusal(make_graph(n20=mask))


@pytest.mark.parametrize("title", ["fp:prompt=words", "fp:seed"])
def test_missing_input_is_refused_with_those_there_are(title):
    text = refusal(make_graph(n8={"title": title}))
    assert "samples, vae" in text


def test_connected_input_is_not_overwritten():
    text = refusal(make_graph(n6={"text": ["4", 0]}))
    assert "connected to node 4" in text


def test_two_parameters_for_one_input_are_refused():
    assert "both go to" in refusal(make_graph(n6={"title": "fp:prompt fp:negative"}))


# --- Outputs ------------------------------------------------------------------------------


def test_only_saving_node_needs_no_title():
    assert Graph.parse(make_graph(n9={"title": "Save Image"})).outputs == ("9",)


def test_saving_wins_over_showing():
    shown = {"class_type": "PreviewImage", "images": ["8", 0]}
    assert Graph.parse(make_graph(n9={"title": ""}, n20=shown)).outputs == ("9",)


def test_only_showing_node_is_taken():
    graph = make_graph(n9={"title": "", "class_type": "PreviewImage"})
    assert Graph.parse(graph).outputs == ("9",)


def test_two_saving_nodes_without_title_are_refused():
    other = {"class_type": "SaveImage", "images": ["8", 0]}
    text = refusal(make_graph(n9={"title": ""}, n20=other))
    assert "Node 9" in text
    assert "Node 20" in text


def test_titled_output_is_chosen_among_several():
    other = {"class_type": "SaveImage", "images": ["8", 0]}
    assert Graph.parse(make_graph(n20=other)).outputs == ("9",)


def test_graph_without_output_is_refused():
    assert "No node saves a picture" in refusal(make_graph(n9=None))


@pytest.mark.parametrize("title", ["fp:output", ""])
def test_picture_for_the_socket_alone_is_refused(title):
    refusal(make_graph(n9={"class_type": "SaveImageWebsocket", "title": title}))


# --- Capabilities -------------------------------------------------------------------------


def test_capabilities_are_what_is_bound():
    takes = Graph.parse(GRAPH).capabilities()
    assert (takes.seed, takes.negative_prompt, takes.steps, takes.guidance_scale) == (True,) * 4
    assert (takes.reference_images, takes.mask, takes.multiple_of) == (0, False, 8)


def test_capabilities_without_bindings():
    graph = make_graph(n3={"title": ""}, n7={"title": ""})
    takes = Graph.parse(graph).capabilities()
    assert (takes.seed, takes.negative_prompt, takes.steps, takes.guidance_scale) == (False,) * 4


def test_size_is_fixed_when_it_is_not_bound():
    takes = Graph.parse(make_graph(n5={"title": ""})).capabilities()
    assert takes.sizes == ("512x768",)


def test_size_of_a_graph_without_own_one_is_free():
    takes = Graph.parse(make_graph(n5={"title": "", "width": ["4", 0]})).capabilities()
    assert (takes.sizes, takes.multiple_of) == ((), 1)


def test_larger_blocks_are_known():
    takes = Graph.parse(make_graph(n5={"class_type": "EmptyFlux2LatentImage"})).capabilities()
    assert takes.multiple_of == 16


def test_reference_image_and_mask():
    node = {"class_type": "LoadImage", "image": "example.png", "title": "fp:image"}
    mask = {"class_type": "LoadImageMask", "image": "example.png", "title": "fp:mask"}
    takes = Graph.parse(make_graph(n20=node, n21=mask)).capabilities()
    assert (takes.reference_images, takes.mask) == (1, True)


@pytest.mark.parametrize(("saver", "formats"), [("SaveImage", ("png",)), ("SaveImageWEBP", ())])
def test_format_is_told_where_it_is_known(saver, formats):
    graph = Graph.parse(make_graph(n9={"class_type": saver}))
    assert graph.capabilities().output_formats == formats


# --- Filling in ---------------------------------------------------------------------------


def filled(graph=None, **values):
    return Graph.parse(graph or GRAPH).filled(values, prefix="fp-1")


def test_values_are_filled_in_with_their_types():
    nodes = filled(prompt="a tree", seed=2**63 - 1, steps=8.0, cfg=Decimal("3.5"), width=640)
    assert nodes["6"]["inputs"]["text"] == "a tree"
    inputs = nodes["3"]["inputs"]
    assert (inputs["seed"], inputs["steps"], inputs["cfg"]) == (2**63 - 1, 8, 3.5)
    assert [type(inputs[name]) for name in ("seed", "steps", "cfg")] == [int, int, float]


def test_every_bound_input_is_filled():
    nodes = filled(make_graph(n7={"title": "fp:prompt"}), prompt="a tree")
    assert nodes["6"]["inputs"]["text"] == nodes["7"]["inputs"]["text"] == "a tree"


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_is_not_given_keeps_the_graphs_own(nothing):
    nodes = filled(prompt="a tree", negative=nothing, seed=None)
    assert nodes["7"]["inputs"]["text"] == "blurred"
    assert nodes["3"]["inputs"]["seed"] == 7


def test_seed_zero_is_a_seed():
    assert filled(seed=0)["3"]["inputs"]["seed"] == 0


def test_original_is_never_changed():
    before = copy.deepcopy(GRAPH)
    graph = Graph.parse(GRAPH)
    first = graph.filled({"prompt": "one"}, prefix="a")
    first["3"]["inputs"]["model"].append("spoilt")
    assert graph.filled({}, prefix="b")["3"]["inputs"]["model"] == ["4", 0]
    assert before == GRAPH


def test_prefix_is_set_on_saving_nodes_and_no_other_text_is_touched():
    other = {"class_type": "SaveImage", "images": ["8", 0], "filename_prefix": "ComfyUI"}
    nodes = filled(make_graph(n20=other, n6={"text": "ComfyUI"}))
    assert nodes["9"]["inputs"]["filename_prefix"] == "fp-1"
    assert nodes["20"]["inputs"]["filename_prefix"] == "fp-1"
    assert nodes["6"]["inputs"]["text"] == "ComfyUI"


def test_connected_prefix_is_left_alone():
    nodes = filled(make_graph(n9={"filename_prefix": ["6", 0]}))
    assert nodes["9"]["inputs"]["filename_prefix"] == ["6", 0]


@pytest.mark.parametrize("name", ["image", "wings"])
def test_value_that_is_not_bound_is_named(name):
    with pytest.raises(WorkflowProblem, match=f"{name} is not bound"):
        filled(**{name: "x"})


def test_size_that_is_fixed_stays():
    nodes = filled(make_graph(n5={"title": ""}), width=64, height=64)
    assert nodes["5"]["inputs"]["width"] == 512


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", "x"), ("steps", 2.5), ("width", True), ("cfg", "7"), ("cfg", float("inf"))],
)
def test_value_of_a_wrong_type_is_refused(name, value):
    with pytest.raises(WorkflowProblem, match=name):
        filled(**{name: value})


@pytest.mark.parametrize("value", ["up.png", ["up.png"]])
def test_uploaded_name_is_filled_in(value):
    node = {"class_type": "LoadImage", "image": "example.png", "title": "fp:image"}
    assert filled(make_graph(n20=node), image=value)["20"]["inputs"]["image"] == "up.png"


def test_two_files_for_one_image_are_refused():
    node = {"class_type": "LoadImage", "image": "example.png", "title": "fp:image"}
    with pytest.raises(WorkflowProblem, match="one file"):
        filled(make_graph(n20=node), image=["a.png", "b.png"])


def test_filled_graph_is_json():
    assert json.loads(json.dumps(filled(prompt="ö"))) == filled(prompt="ö")


def test_targets_are_values():
    assert Target("1", "text") == Target("1", "text")
