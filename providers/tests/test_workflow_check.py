"""What a server lacks for a graph is found in its own /object_info and told in sentences."""

import pytest

from providers.tests.workflows import GRAPH, about, make_graph, make_object_info
from providers.workflows.check import missing_on
from providers.workflows.graph import Graph


def problems(graph=None, **changes):
    return missing_on(Graph.parse(graph or GRAPH), make_object_info(**changes))


def only(found: list[str]) -> str:
    assert len(found) == 1
    return found[0]


def test_nothing_is_missing():
    assert problems() == []


def test_missing_class_is_named_with_its_nodes():
    text = only(problems(make_graph(n8={"title": "Decode"}), VAEDecode=None))
    assert 'no node class "VAEDecode" (node 8 "Decode")' in text


def test_missing_class_is_told_once_for_all_its_nodes():
    text = only(problems(CLIPTextEncode=None))
    assert '(node 6 "fp:prompt", 7 "fp:negative")' in text


@pytest.mark.parametrize(
    "spec", [[["other.safetensors"], {}], ["COMBO", {"options": ["other.safetensors"]}]]
)
def test_missing_file_is_named_with_its_folder(spec):
    text = only(problems(CheckpointLoaderSimple=about(ckpt_name=spec)))
    assert '"small.safetensors" is not in models/checkpoints' in text
    assert "It has: other.safetensors." in text


@pytest.mark.parametrize("spec", [[[], {}], [[]], ["COMBO", {"options": []}]])
def test_empty_folder_is_told(spec):
    assert "The folder is empty." in only(problems(CheckpointLoaderSimple=about(ckpt_name=spec)))


def test_other_spelling_of_a_file_is_shown():
    graph = make_graph(n4={"ckpt_name": "XL/Base.safetensors"})
    loader = about(ckpt_name=[["xl\\base.safetensors"], {}])
    assert 'written "xl\\base.safetensors"' in only(problems(graph, CheckpointLoaderSimple=loader))


def test_folder_depends_on_the_class():
    loader = {"class_type": "CLIPVisionLoader", "clip_name": "a.safetensors"}
    found = problems(make_graph(n20=loader), CLIPVisionLoader=about(clip_name=[["b"], {}]))
    assert "models/clip_vision" in only(found)


@pytest.mark.parametrize("name", ["sampler_name", "scheduler"])
def test_value_that_is_not_in_the_list_is_named(name):
    text = only(problems(make_graph(n3={name: "mine"})))
    assert f'{name} "mine" is not taken' in text


def test_long_lists_are_cut():
    many = about(ckpt_name=[[f"{number}.safetensors" for number in range(100)], {}])
    text = only(problems(CheckpointLoaderSimple=many))
    assert text.endswith("7.safetensors and 92 others.")


@pytest.mark.parametrize(
    "spec",
    [
        ["COMBO", {"remote": {"route": "/x"}}],
        ["COMBO", {"options": [], "remote": {"route": "/x"}}],
        ["COMBO", {}],
        ["COMBO"],
        ["*"],
        ["IMAGE,FLOAT", None],
        [],
        None,
        "odd",
    ],
)
def test_inputs_without_a_known_list_are_left_to_the_server(spec):
    assert problems(CheckpointLoaderSimple=about(ckpt_name=spec)) == []


def test_connected_input_is_no_value():
    graph = make_graph(n4={"ckpt_name": ["20", 0]}, n20={"class_type": "Names"})
    assert problems(graph, Names=about()) == []


def test_numbers_are_compared_as_the_server_does():
    graph = make_graph(n4={"scale": 2})
    loader = about(ckpt_name=[["small.safetensors"]], scale=[["1", "2"], {}])
    assert problems(graph, CheckpointLoaderSimple=loader) == []


def test_optional_inputs_are_looked_at():
    loader = about(ckpt_name=[["small.safetensors"]])
    loader["input"]["optional"] = {"device": [["default", "cpu"], {}]}
    found = problems(make_graph(n4={"device": "gpu"}), CheckpointLoaderSimple=loader)
    assert 'device "gpu"' in only(found)


def test_unknown_inputs_are_ignored_as_the_server_does():
    assert problems(make_graph(n4={"device": "gpu"})) == []


def test_required_input_that_is_missing_is_named():
    loader = about(ckpt_name=[["small.safetensors"]], precision=["INT", {}])
    text = only(problems(CheckpointLoaderSimple=loader))
    assert "lacks the input precision" in text
    assert "Connect it or fill it in" in text


def test_dynamic_inputs_have_other_names():
    loader = about(ckpt_name=[["small.safetensors"]], images=["COMFY_AUTOGROW_V3", {}])
    assert problems(CheckpointLoaderSimple=loader) == []


def test_bound_input_that_the_server_does_not_know_is_named():
    text = only(problems(CLIPTextEncode=about(clip=["CLIP"]), graph=make_graph(n7={"title": ""})))
    assert "given for prompt would be ignored" in text


def test_bound_picture_is_uploaded_later():
    load = {"class_type": "LoadImage", "image": "gone.png", "title": "fp:image"}
    info = about(image=[["there.png"], {"image_upload": True}])
    assert problems(make_graph(n20=load), LoadImage=info) == []


@pytest.mark.parametrize(("name", "count"), [("gone.png", 1), ("a/b.png", 0), ("a.png [temp]", 0)])
def test_own_picture_must_be_there(name, count):
    load = {"class_type": "LoadImage", "image": name}
    info = about(image=[["there.png"], {"image_upload": True}])
    assert len(problems(make_graph(n20=load), LoadImage=info)) == count


def test_output_that_saves_nothing_is_named():
    text = only(problems(SaveImage=about(images=["IMAGE"])))
    assert "meant as the output but saves nothing" in text


@pytest.mark.parametrize("odd", [{}, {"input": None}, {"input": {"required": None}}])
def test_odd_words_of_a_server_do_no_harm(odd):
    assert problems(VAEDecode=odd) == []


def test_problems_are_not_endless():
    extra = {f"n{number}": {"class_type": f"C{number}"} for number in range(100, 200)}
    assert len(problems(make_graph(**extra))) == 50
