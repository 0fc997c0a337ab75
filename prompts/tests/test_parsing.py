"""Settings as people and other tools write them."""

import pytest

from prompts.parsing import SettingsFileError, parse_settings_text
from prompts.placing import ParsedSettings

A1111 = """a castle, (masterpiece:1.2), evening
Negative prompt: blurry, text
Steps: 30, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 123, Size: 512x768, \
Model hash: abc, Model: sdxl, Denoising strength: 0.4, Hires upscale: 2, Hires steps: 10, \
Lora hashes: "one: 12, two: 34", Version: v1.9.4"""


def only(text: str) -> ParsedSettings:
    (entry,) = parse_settings_text(text)
    assert entry.errors == []
    return entry


@pytest.mark.parametrize(
    ("text", "values", "extra"),
    [
        (
            "1024x768, steps: 30, cfg 7, sampler euler",
            {"width": 1024, "height": 768, "steps": 30, "guidance_scale": 7.0},
            {"sampler": "euler"},
        ),
        ("1024 × 768 px", {"width": 1024, "height": 768}, {}),
        ("size=640*480; Steps=5", {"width": 640, "height": 480, "steps": 5}, {}),
        ("768x512 20 steps cfg 5.5 euler a",
            {"width": 768, "height": 512, "steps": 20, "guidance_scale": 5.5},
            {"sampler": "euler a"}),
        ("steps: 30 cfg: 7 size: 640x480",
            {"width": 640, "height": 480, "steps": 30, "guidance_scale": 7.0}, {}),
        ("steps=9 | quality=high | png",
            {"steps": 9, "quality": "high", "output_format": "png"}, {}),
        ("high quality, format: jpg", {"quality": "high", "output_format": "jpeg"}, {}),
        ("width: 640, height: 480px", {"width": 640, "height": 480}, {}),
        ("seed 42", {"seed": 42, "seed_policy": "fixed"}, {}),
        ("seed: -1", {"seed": None, "seed_policy": "random"}, {}),
        ("random seed", {"seed": None, "seed_policy": "random"}, {}),
        ("seed: derived", {"seed_policy": "derived"}, {}),
        ("Clip skip: 2, steps: 3", {"steps": 3}, {"clip_skip": 2}),
        ("--q 2 --stylize 250 --tile", {"quality": "2"}, {"stylize": 250, "tile": True}),
        ('steps: 3, lora: "a, b: c"', {"steps": 3}, {"lora": "a, b: c"}),
        ("steps: 3, grid: [1, 2]", {"steps": 3}, {"grid": "[1, 2]"}),
        ("Hires steps: 10, steps: 3", {"steps": 3}, {"hires_steps": 10}),
        ("denoise=0.35, hdr=true, steps 1", {"steps": 1}, {"denoise": 0.35, "hdr": True}),
        ('steps: 3, note: "open, cfg: 7', {"steps": 3, "guidance_scale": 7.0}, {"note": '"open'}),
    ],
)  # fmt: skip
def test_free_form_lines(text, values, extra):
    entry = only(text)
    assert entry.values == values
    assert entry.extra == extra


def test_parameter_text_of_a1111():
    entry = only(A1111)
    assert entry.where == "line 3"
    assert entry.prompt == "a castle, (masterpiece:1.2), evening"
    assert entry.values == {
        "steps": 30,
        "guidance_scale": 7.0,
        "seed": 123,
        "seed_policy": "fixed",
        "width": 512,
        "height": 768,
    }
    assert entry.links == {"model": "sdxl"}
    assert entry.extra == {
        "sampler": "DPM++ 2M Karras",
        "model_hash": "abc",
        "denoising_strength": 0.4,
        "hires_upscale": 2,
        "hires_steps": 10,
        "lora_hashes": "one: 12, two: 34",
        "version": "v1.9.4",
        "negative_prompt": "blurry, text",
    }


def test_parameter_line_alone():
    assert only(A1111.splitlines()[2]).extra["sampler"] == "DPM++ 2M Karras"


def test_several_parameter_texts():
    first, second = parse_settings_text(f"{A1111}\n\n{A1111}")
    assert (first.where, second.where) == ("line 3", "line 7")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Cinematic: 1024x576, steps: 30", "Cinematic"),
        ("Wide one : steps: 30", "Wide one"),
        ("name: Cinematic, steps: 30", "Cinematic"),
        ('name: "A, B", steps: 30', "A, B"),
        ("[Cinematic]\nsteps: 30\ncfg: 7", "Cinematic"),
        ("Cinematic:\nsteps: 30\ncfg: 7", "Cinematic"),
        ("Style 2: --ar 16:9 --steps 30", "Style 2"),
        ("Clip skip: 2, steps: 30", ""),
        ("steps: 30", ""),
    ],
)
def test_names(text, name):
    entry = only(text)
    assert (entry.name, entry.values["steps"]) == (name, 30)


def test_one_entry_per_line_with_comments():
    text = "# ours\nA: 640x480\n# more\nB: 320x240, steps 2\n\nsteps: 9, cfg 3\n"
    entries = parse_settings_text(text)
    assert [(e.where, e.name) for e in entries] == [
        ("line 2", "A"),
        ("line 4", "B"),
        ("line 6", ""),
    ]


def test_lines_of_one_value_each_are_one_entry():
    entry = only("size: 640x480\nsteps: 30\ncfg scale: 7")
    assert entry.values == {"width": 640, "height": 480, "steps": 30, "guidance_scale": 7.0}


def test_named_blocks_without_empty_lines():
    first, second = parse_settings_text("[A]\nsteps: 3\n[B]\nsteps: 4\ncfg 2")
    assert (first.name, first.values) == ("A", {"steps": 3})
    assert (second.name, second.values) == ("B", {"steps": 4, "guidance_scale": 2.0})


def test_ratio_and_loose_words_are_kept_for_the_catalogue():
    entry = only("gouache, 16:9, steps 3")
    assert (entry.loose, entry.aspect_ratio) == (["gouache"], "16:9")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("steps: abc", "steps: “abc” is not a whole number"),
        ("steps: 2.5", "steps: “2.5” is not a whole number"),
        ("steps:", "steps: nothing is not a whole number"),
        ("cfg: high", "guidance_scale: “high” is not a number"),
        ("size: big", "“big” is not a size such as 1024x768"),
        ("seed: lucky", "seed: “lucky” is not a whole number"),
        ("steps: 3, steps: 4", "steps stands here twice"),
        ("ar: wide", "“wide” is not a ratio such as 3:2"),
        ('{"steps": true}', "steps: “True” is not a whole number"),
        ('{"steps": [3]}', "is not a whole number"),
        ('{"style": 3}', "style: “3” is not a name"),
        ('{"extra_settings": 3}', "write an object"),
        ('{"seed_policy": "lucky"}', "is none of random, fixed, derived"),
        ("[{}, 3]", "it is not an object"),
    ],
)
def test_bad_values_are_told_and_do_not_stop_the_others(text, says):
    entry = parse_settings_text(text if text[0] in "{[" else f"A: 64x64, {text}")[-1]
    assert says in "; ".join(entry.errors)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no settings in it"),
        ("# only a comment\n\n", "no settings in it"),
        ("[{}", "Line 1: the JSON is broken"),
        ('{"a":\n\n!}', "Line 3: the JSON is broken"),
        ('{"a": NaN}', "holds NaN"),
        ('{"a": "\\ud800"}', "half a character"),
        ('{"a": "\\u0000"}', "NUL"),
        ("steps: 3\x00", "not a text"),
        ("[{" * 2000, "JSON is"),
        ('{"seed": ' + "9" * 5000 + "}", "number that is too long"),
        ('{"settings": []}', "no settings in it"),
    ],
)
def test_unreadable_texts_are_refused_with_a_sentence(text, says):
    with pytest.raises(SettingsFileError, match=says):
        parse_settings_text(text)


def test_json_takes_one_object_a_list_or_our_export():
    for text in ('{"steps": 3}', '[{"steps": 3}]', '{"settings": [{"steps": 3}]}'):
        assert parse_settings_text(text)[0].values == {"steps": 3}


def test_json_keeps_unknown_names_as_extra():
    entry = only('{"steps": 3, "sampler": "euler", "extra_settings": {"vae": "x"}}')
    assert entry.extra == {"sampler": "euler", "vae": "x"}
