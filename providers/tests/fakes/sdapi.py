"""A fake of the servers with A1111's API, in four flavours.

`a1111` splits sampler and scheduler; `forge` (as Forge classic was seen in November 2026) has no
/schedulers and words what it did not expect as plain text; `sdnext` adds a `code` to its errors
and answers a failed drawing with an empty 200; `sdcpp` is stable-diffusion.cpp's server: one
model, empty `info`, echo of the body, sides rounded up to 64.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from providers.tests.fakes import pictures
from providers.tests.fakes.base import FakeService, Reply, Request

FLAVOURS = ("a1111", "forge", "sdnext", "sdcpp")
STAMP = "20261121101500"
MODELS = {
    "dream_v8": "dream_v8.safetensors [879db523c3]",
    "xl_base": "sd/xl_base.safetensors",
}
SAMPLERS = {
    "a1111": ("Euler a", "Euler", "DPM++ 2M"),
    "forge": ("Euler a", "Euler", "DPM++ 2M Karras"),
    "sdnext": ("Euler a", "UniPC"),
    "sdcpp": ("euler", "euler_a", "dpm++2m"),
}
SCHEDULERS = {"a1111": ("automatic", "karras"), "sdnext": ("Karras",), "sdcpp": ("karras",)}
OOM = "CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 7.79 GiB total capacity)"


class FakeSdApi(FakeService):
    """`auth` is "user:password" or empty; `with_api` False: started without --api."""

    protocol_faults = frozenset(
        {
            "bad_parameter",
            "failed_200",  # as SD.Next answers a failed drawing
            "grid",
            "half_denoised",
            "null_data",
            "other_model",
            "out_of_memory",
            "skipped",
            "short_batch",  # fewer pictures than seeds
            "taskgroup",
        }
    )

    def __init__(self, flavour: str = "a1111", auth: str = "", with_api: bool = True) -> None:
        super().__init__()
        self.flavour, self.auth, self.with_api = flavour, auth, with_api
        self.interrupted = self.skipped = False
        self.job_timestamp = STAMP

    def answer(self, request: Request) -> Reply:
        if not self.with_api:
            return self._not_found()
        if self.auth and not self._is_let_in(request):
            return self.refusal(401, "Not authenticated")
        if request.method == "POST":
            return self._draw(request, request.json())
        return self._list(request.path.removeprefix("/sdapi/v1/"))

    def error(self, status: int) -> Reply:
        return self.refusal(status, "Something is wrong.")

    def refusal(self, status: int, detail: Any, kind: str = "HTTPException") -> Reply:
        """An error in this flavour's spelling."""
        if self.flavour == "sdcpp":
            if status >= 500:
                return Reply.json({"error": "server_error", "message": detail}, status)
            return Reply.json({"error": detail}, status)
        if self.flavour == "forge" and status >= 500:
            return Reply.of(b"Internal Server Error", "text/plain; charset=utf-8", status)
        if self.flavour == "forge":
            return Reply.json({"detail": detail}, status)
        told = {"error": kind, "detail": detail, "body": "", "errors": ""}
        if kind != "HTTPException":
            told |= {"detail": "", "errors": detail}
        return Reply.json(told | ({"code": status} if self.flavour == "sdnext" else {}), status)

    # --- Lists ----------------------------------------------------------------------------

    def _list(self, route: str) -> Reply:
        if route == "sd-models":
            return Reply.json(self._models())
        if route == "samplers":
            names = SAMPLERS[self.flavour]
            return Reply.json([{"name": each, "aliases": [], "options": {}} for each in names])
        if route == "schedulers" and self.flavour in SCHEDULERS:
            names = SCHEDULERS[self.flavour]
            return Reply.json([{"name": each, "label": each.capitalize()} for each in names])
        if route == "progress" and self.flavour != "sdcpp":
            state = {"skipped": self.skipped, "interrupted": self.interrupted, "job": ""}
            state |= {"job_timestamp": self.job_timestamp, "sampling_step": 0}
            return Reply.json({"progress": 0.0, "eta_relative": 0.0, "state": state})
        return self._not_found()

    def _models(self) -> list[dict[str, Any]]:
        names = dict(list(MODELS.items())[:1]) if self.flavour == "sdcpp" else MODELS
        return [
            {
                "title": title,
                "model_name": name,
                "hash": "8888888888" if self.flavour == "sdcpp" else None,
                "sha256": None,
                "filename": f"/srv/models/{name}.safetensors",
                "config": None,
            }
            for name, title in names.items()
        ]

    def _not_found(self) -> Reply:
        if self.flavour == "sdcpp":
            return Reply(404)
        return Reply.json({"detail": "Not Found"}, 404)

    def _is_let_in(self, request: Request) -> bool:
        wanted = base64.b64encode(self.auth.encode()).decode()
        return request.headers.get("authorization") == f"Basic {wanted}"

    # --- Drawing --------------------------------------------------------------------------

    def _draw(self, request: Request, body: Mapping[str, Any]) -> Reply:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return Reply(413)
        if refused := self._refused(request, body):
            return refused
        self.charge(str(body.get("seed", "")))
        if self.faulty("failed_200", "null_data"):
            images = None if self.faulty("null_data") else []
            return Reply.json({"images": images, "parameters": {}, "info": self._info(body)})
        self.interrupted = self.faulty("half_denoised")
        self.skipped = self.faulty("skipped")
        width, height = self._size(body)
        drawn = self.pictures(width, height, seed=int(body["seed"]) % 1000)
        if self.faulty("grid"):
            drawn.insert(0, pictures.png(width * 2, height * 2, 999))
        parameters = dict(body)
        if self.flavour != "sdcpp":
            parameters |= {"init_images": None, "mask": None}
        images = [self.encoded(each) for each in drawn]
        return Reply.json({"images": images, "parameters": parameters, "info": self._info(body)})

    def _refused(self, request: Request, body: Mapping[str, Any]) -> Reply | None:
        sampler = body.get("sampler_name")
        if self.flavour != "sdcpp" and sampler and sampler not in SAMPLERS[self.flavour]:
            return self.refusal(404, "Sampler not found")
        without = request.path.endswith("img2img") and not body.get("init_images")
        if self.flavour != "sdcpp" and without:
            return self.refusal(404, "Init image not found")
        if self.faulty("bad_parameter"):
            if self.flavour == "sdcpp":
                return self.refusal(400, "width and height must be positive")
            field = {"loc": ["body", "width"], "msg": "Input should be a valid integer"}
            return Reply.json({"detail": [{"type": "int_parsing", "input": "wide", **field}]}, 422)
        if self.faulty("out_of_memory"):
            return self.refusal(500, OOM, "OutOfMemoryError")
        if self.faulty("taskgroup"):
            text = "unhandled errors in a TaskGroup (1 sub-exception)"
            return self.refusal(500, text, "ExceptionGroup")
        return None

    def _size(self, body: Mapping[str, Any]) -> tuple[int, int]:
        if self.flavour == "sdcpp":
            return -(-body["width"] // 64) * 64, -(-body["height"] // 64) * 64
        return body["width"] // 8 * 8, body["height"] // 8 * 8

    def _info(self, body: Mapping[str, Any]) -> str:
        """JSON in a text; nothing from sdcpp. Overriding the model may have no effect."""
        if self.flavour == "sdcpp":
            return ""
        wanted = body.get("override_settings", {}).get("sd_model_checkpoint")
        used = wanted if wanted in MODELS and not self.faulty("other_model") else "anime_v3"
        seed = body["seed"]
        facts = {
            "seed": seed,
            "all_seeds": [seed, seed + 1] if self.faulty("short_batch") else [seed],
            "sampler_name": body.get("sampler_name") or SAMPLERS[self.flavour][0],
            "index_of_first_image": 1 if self.faulty("grid") else 0,
            "job_timestamp": STAMP,
            "infotexts": [
                f"A picture\nSteps: 20, Seed: {seed}, Model hash: 1, Model: {used}, V: 1"
            ],
        }
        if self.flavour != "forge":
            facts["sd_model_name"] = used
        return json.dumps(facts)
