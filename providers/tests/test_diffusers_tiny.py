"""A real pipeline of PyTorch and diffusers, tiny and made at random: no weights, no network.

Runs where requirements-diffusers.in is installed; the CPU build of PyTorch is enough.
"""

import json
from importlib.util import find_spec

import pytest
from PIL import Image

from providers import errors
from providers.backends import diffusers_process
from providers.registry import make_provider
from providers.tests.contract import ProviderContract
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, ImageRequest

MISSING = [name for name in ("torch", "diffusers", "transformers") if find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.timeout(300),  # importing PyTorch alone takes seconds, in two processes
]
KEY = "5f0c6c1e-6a39-4b7c-9a0e-0a3a5a4f8a11"
SIDE = 32  # channels of everything


def tokenizer_in(folder):
    """A tokenizer of the alphabet, from files as published models bring them."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(97, 123)]
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    vocabulary = {word: number for number, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=16), len(words)


def text_encoder(words):
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            hidden_size=SIDE,
            intermediate_size=SIDE,
            num_attention_heads=4,
            num_hidden_layers=1,
            max_position_embeddings=16,
            vocab_size=words,
            bos_token_id=words - 2,
            eos_token_id=words - 1,
            pad_token_id=words - 1,
        )
    )


def safety_checker():
    """One that finds every picture unsafe."""
    import torch
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    vision = {
        "hidden_size": SIDE,
        "intermediate_size": SIDE,
        "num_attention_heads": 4,
        "num_hidden_layers": 1,
        "image_size": 16,
        "patch_size": 8,
        "projection_dim": SIDE,
    }
    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, projection_dim=SIDE))
    with torch.no_grad():
        checker.concept_embeds_weights.fill_(-2.0)
    return checker, CLIPImageProcessor(size={"shortest_edge": 16}, crop_size=16)


def build(folder, checker=None, extractor=None, spoiled=False):
    """Save a pipeline as `from_pretrained` finds it; a spoiled one computes no numbers."""
    import torch
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )

    torch.manual_seed(1)
    tokenizer, words = tokenizer_in(folder / "words")
    channels = (SIDE, SIDE)
    blocks = {"block_out_channels": channels, "layers_per_block": 1, "norm_num_groups": 8}
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL(
            **blocks | {"block_out_channels": (SIDE,) * 4},
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            latent_channels=4,
        ),
        unet=UNet2DConditionModel(
            **blocks,
            sample_size=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=SIDE,
            attention_head_dim=4,
        ),
        text_encoder=text_encoder(words),
        tokenizer=tokenizer,
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=checker,
        feature_extractor=extractor,
        requires_safety_checker=checker is not None,
    )
    if spoiled:
        torch.nn.init.constant_(pipeline.vae.decoder.conv_out.bias, float("nan"))
    pipeline.save_pretrained(folder, safe_serialization=True)
    return str(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    yield build(tmp_path_factory.mktemp("tiny"))
    diffusers_process.end_process()


@pytest.fixture(scope="module")
def strict_folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("strict"), *safety_checker())


def connect(**models):
    return make_provider(
        ConnectionConfig(name="here", kind="diffusers", deadline=120, options={"models": models})
    )


def draw(provider, folder, **values):
    fields = {"prompt": "a lighthouse", "model": "tiny", "width": 64, "height": 48, "steps": 2}
    return provider.submit(ImageRequest(**fields | values), KEY, FolderSink(folder))


class TestContractOfTinyPipeline(ProviderContract):
    kind, model, width, height = "diffusers", "tiny", 64, 64

    @pytest.fixture
    def connection(self, folder):
        return connect(tiny=folder).connection

    def request(self, **values):
        return super().request(**{"steps": 2} | values)


def test_picture_has_the_size_asked_for(folder, tmp_path):
    result = draw(connect(tiny=folder), tmp_path)
    with Image.open(result.files[0].path) as image:
        assert image.size == (64, 48)
    assert result.parameters["pipeline"] == "StableDiffusionPipeline"


def test_same_seed_gives_same_picture(folder, tmp_path):
    provider = connect(tiny=folder)
    one, two, other = (draw(provider, tmp_path, seed=seed).files[0] for seed in (7, 7, 8))
    assert one.sha256 == two.sha256 != other.sha256


def test_negative_prompt_and_scale_are_used(folder, tmp_path):
    provider = connect(tiny=folder)
    plain = draw(provider, tmp_path, seed=7)
    other = draw(provider, tmp_path, seed=7, negative_prompt="fog", guidance_scale=3.0)
    assert plain.files[0].sha256 != other.files[0].sha256


def test_unread_end_of_the_prompt_is_told(folder, tmp_path):
    result = draw(connect(tiny=folder), tmp_path, prompt="lighthouse " * 9)
    assert "The model reads 16 tokens" in result.notes[0]


def test_libraries_write_nothing_of_the_prompt(folder, tmp_path, capfd):
    draw(connect(tiny=folder), tmp_path, prompt="lighthouse " * 9)
    assert "lighthouse" not in "".join(capfd.readouterr())


def test_each_step_is_told(folder, tmp_path):
    sink = FolderSink(tmp_path)
    request = ImageRequest(prompt="a", model="tiny", width=64, height=64, steps=4)
    connect(tiny=folder).submit(request, KEY, sink)
    assert sink.fractions == [0.25, 0.5, 0.75, 1.0]


def test_flagged_picture_is_a_refusal(strict_folder, tmp_path):
    with pytest.raises(errors.ContentRejected, match="safety checker"):
        draw(connect(tiny=strict_folder), tmp_path)


def test_safety_checker_can_be_left_out(strict_folder, tmp_path):
    options = {"models": {"tiny": strict_folder}, "safety_checker": False}
    config = ConnectionConfig(name="here", kind="diffusers", deadline=120, options=options)
    assert draw(make_provider(config), tmp_path).files


def test_picture_of_no_numbers_comes_out_black_and_is_found_out(tmp_path):
    source = build(tmp_path / "spoiled", spoiled=True)
    with pytest.raises(errors.InvalidResponse, match="black"):
        draw(connect(tiny=source), tmp_path)


def test_size_that_the_pipeline_does_not_draw_is_the_requests_fault(folder, tmp_path):
    with pytest.raises(errors.InvalidRequest, match="does not take"):
        draw(connect(tiny=folder), tmp_path, width=60)


@pytest.mark.parametrize("source", ["/no/such/folder", "nobody/no-such-model"])
def test_model_that_is_not_here_is_not_fetched(tmp_path, source):
    with pytest.raises(errors.ModelUnavailable, match="tiny could not be loaded") as caught:
        draw(connect(tiny=source), tmp_path)
    assert "Nothing is downloaded" in caught.value.hint


def test_folder_that_holds_no_model_is_named(tmp_path):
    (tmp_path / "model_index.json").write_text("{broken")
    with pytest.raises(errors.ModelUnavailable):
        draw(connect(tiny=str(tmp_path)), tmp_path)
