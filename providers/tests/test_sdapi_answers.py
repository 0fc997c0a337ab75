"""What the servers with A1111's API say, as it was recorded, and what it becomes here."""

import json

import pytest

from providers.answers import HttpAnswer
from providers.backends.sdapi.answers import (
    checkpoint_named,
    first_picture,
    info_of,
    is_same_checkpoint,
    model_used,
    problem_of,
    seed_of,
)
from providers.tests.fakes import recorded

PLAIN = {"title": "dream_v8.safetensors [879db523c3]", "model_name": "dream_v8"}
IN_FOLDER = {"title": "sd\\xl_base.safetensors", "model_name": "sd_xl_base"}


@pytest.mark.parametrize("name", recorded.problems("sdapi"))
def test_recorded_error_becomes_one_of_ours(name):
    recorded.check("sdapi", name, problem_of(recorded.http("sdapi", name), "mine"))


def test_what_was_sent_is_not_repeated_in_a_message():
    detail = [{"loc": ["body", "init_images"], "msg": "no list", "input": "iVBORw0KGgo" * 50}]
    answer = HttpAnswer(422, {}, json.dumps({"detail": detail}).encode())
    assert "iVBOR" not in str(problem_of(answer, "mine").to_dict())


def test_paths_of_the_server_are_left_out():
    body = {"error": "FileNotFoundError", "detail": "", "errors": "No file /srv/models/x.ckpt"}
    problem = problem_of(HttpAnswer(500, {}, json.dumps(body).encode()), "mine")
    assert "No file (path)" in problem.hint and "/srv" not in str(problem.to_dict())


@pytest.mark.parametrize("info", ['{"seed": 5}', {"seed": 5}])
def test_info_is_read_as_text_and_as_an_object(info):
    assert info_of({"info": info}) == {"seed": 5}


@pytest.mark.parametrize("info", ["", None, "{broken", "[1]", 7])
def test_other_info_holds_no_facts(info):
    assert info_of({"info": info}) == {}


@pytest.mark.parametrize(
    ("info", "seed"),
    [({"all_seeds": [8, 9], "seed": 7}, 8), ({"seed": 7}, 7), ({}, 1), ({"seed": "x"}, 1)],
)
def test_seed_is_the_first_pictures(info, seed):
    assert seed_of(info, 1) == seed


@pytest.mark.parametrize(
    ("info", "index"),
    [({"index_of_first_image": 1}, 1), ({}, 0), ({"index_of_first_image": -1}, 0)],
)
def test_grids_come_before_the_first_picture(info, index):
    assert first_picture(info) == index


@pytest.mark.parametrize(
    ("info", "model"),
    [
        ({"sd_model_name": "dream_v8"}, "dream_v8"),
        ({"infotexts": ["A\nSteps: 2, Model hash: 8, Model: xl base, Version: 1"]}, "xl base"),
        ({"infotexts": []}, ""),
        ({}, ""),
    ],
)
def test_model_is_read_from_its_name_or_the_text_of_the_picture(info, model):
    assert model_used(info) == model


@pytest.mark.parametrize("used", ["dream_v8", "dream_v8.safetensors [879db523c3]", "Dream_v8.ckpt"])
def test_same_checkpoint_in_other_words(used):
    assert is_same_checkpoint(PLAIN, used)


def test_checkpoint_in_a_folder_is_told_without_it():
    assert is_same_checkpoint(IN_FOLDER, "xl_base")


def test_other_checkpoint_is_noticed():
    assert not is_same_checkpoint(PLAIN, "dream_v9")


@pytest.mark.parametrize("name", ["sd_xl_base", "sd\\xl_base.safetensors"])
def test_checkpoint_is_found_by_name_and_title(name):
    assert checkpoint_named(name, [PLAIN, IN_FOLDER]) is IN_FOLDER


@pytest.mark.parametrize("name", ["", "SD_XL_BASE", "xl"])
def test_checkpoint_is_not_guessed(name):
    assert checkpoint_named(name, [PLAIN, IN_FOLDER]) is None
