"""A pipeline that draws plain pictures, and does what its prompt says.

The source of a model decides how loading ends, the first word of the prompt how drawing does.
"""

import os
import time
from types import SimpleNamespace

import torch
from PIL import Image


class GatedRepoError(OSError):
    response = SimpleNamespace(status_code=403)


class Scheduler:
    config = {}

    def __init__(self):
        self.used = False

    @classmethod
    def from_config(cls, config):
        return cls()


class Tokenizer:
    model_max_length = 20

    def __call__(self, text):
        return SimpleNamespace(input_ids=text.split())


class FakePipeline:
    num_timesteps = 2
    tokenizer = Tokenizer()

    def __init__(self, source, options):
        self.source, self.options, self.scheduler = source, options, Scheduler()

    def set_progress_bar_config(self, disable):
        self.quiet = disable

    def to(self, device):
        self.device = device
        return self

    def __call__(
        self,
        prompt,
        negative_prompt=None,
        width=512,
        height=512,
        num_inference_steps=2,
        guidance_scale=7.5,
        generator=None,
        callback_on_step_end=None,
    ):
        assert self.quiet and not self.scheduler.used
        self.scheduler.used = True
        for step in range(2):
            callback_on_step_end(self, step, 0, {})
        flagged = behave(prompt.split()[0])
        colour = (generator.seed % 200 + 20, 90, 90)
        if flagged or prompt.startswith("BLACK"):
            colour = (0, 0, 0)
        return SimpleNamespace(
            images=[Image.new("RGB", (width // 8 * 8, height), colour)],
            nsfw_content_detected=[flagged],
        )


class PlainPipeline(FakePipeline):
    """Takes no negative prompt, as distilled models do."""

    def __call__(self, prompt, width, height, generator, callback_on_step_end):
        return super().__call__(
            prompt, None, width, height, 2, 1.0, generator, callback_on_step_end
        )


def behave(word):
    """True for a picture that the safety checker flags."""
    match word:
        case "MEMORY":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        case "WRONG":
            raise ValueError("`height` and `width` have to be divisible by 8")
        case "BREAK":
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (/opt/x/y.py)")
        case "DIE":
            os._exit(3)
        case "KILLED":
            os.kill(os.getpid(), 9)
        case "HANG":
            time.sleep(60)
    return word == "NSFW"


class DiffusionPipeline:
    @staticmethod
    def from_pretrained(source, **options):
        match source:
            case "gated":
                raise OSError("cannot load") from GatedRepoError("403 Client Error")
            case "missing":
                raise OSError("Cannot find an appropriate cached snapshot folder for missing")
            case "too/large":
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
            case "half-installed":
                raise ImportError("StableDiffusionPipeline requires the transformers library")
            case "plain":
                return PlainPipeline(source, options)
        assert options["use_safetensors"]
        return FakePipeline(source, options)
