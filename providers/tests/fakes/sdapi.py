"""A fake of the servers with A1111's API, in four flavours.

`a1111` splits sampler and scheduler; `forge` (as Forge classic was seen in November 2026) has no
/schedulers and words what it did not expect as plain text; `sdnext` adds a `code` to its errors
and answers a failed drawing with an empty 200; `sdcpp` is stable-diffusion.cpp's server: one
model, empty `info`, echo of the body, sides rounded up to 64.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from providers.tests.fakes import pictures
from providers.tests.fakes.base import FakeService, Reply, Request
from providers.tests.fakes.recorded import answers, filled, reply

FLAVOURS = ("a1111", "forge", "sdnext", "sdcpp")
STAMP = "20261121101500"
REFUSALS = {
    "bad_parameter": "wrong_field",
    "out_of_memory": "out_of_memory",
    "taskgroup": "failed",
}


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
            return self._said("no_api")
        if self.auth and not self._is_let_in(request):
            return self._said("not_let_in")
        if request.method == "POST":
            return self._draw(request, request.json())
        return self._list(request.path.removeprefix("/sdapi/v1/"))

    def error(self, status: int) -> Reply:
        return replace(self._said("failed"), status=status)

    def _said(self, name: str, **given: Any) -> Reply:
        """An answer as it was seen, in this flavour's spelling where it has one."""
        return reply("sdapi", self._spelled(name), **given)

    def _spelled(self, name: str) -> str:
        own = f"{name} of {self.flavour}"
        return own if own in answers("sdapi") else name

    def _names(self, name: str, key: str = "name") -> list[str]:
        return [each[key] for each in answers("sdapi")[self._spelled(name)]["body"]]

    # --- Lists ----------------------------------------------------------------------------

    def _list(self, route: str) -> Reply:
        if route in ("sd-models", "samplers"):
            return self._said(route.removeprefix("sd-"))
        if route == "schedulers" and self.flavour != "forge":
            return self._said("schedulers")
        if route == "progress" and self.flavour != "sdcpp":
            facts = {"skipped": self.skipped, "interrupted": self.interrupted}
            return self._said("progress", stamp=self.job_timestamp, **facts)
        return self._said("no_api")

    def _is_let_in(self, request: Request) -> bool:
        wanted = base64.b64encode(self.auth.encode()).decode()
        return request.headers.get("authorization") == f"Basic {wanted}"

    # --- Drawing --------------------------------------------------------------------------

    def _draw(self, request: Request, body: Mapping[str, Any]) -> Reply:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return self._said("form_not_json of sdcpp")
        if refused := self._refused(request, body):
            return refused
        self.charge(str(body.get("seed", "")))
        if self.faulty("failed_200", "null_data"):
            images = None if self.faulty("null_data") else []
            return self._said("drawn", images=images, parameters={}, info=self._info(body))
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
        return self._said("drawn", images=images, parameters=parameters, info=self._info(body))

    def _refused(self, request: Request, body: Mapping[str, Any]) -> Reply | None:
        sampler = body.get("sampler_name")
        if self.flavour != "sdcpp" and sampler and sampler not in self._names("samplers"):
            return self._said("unknown_sampler")
        without = request.path.endswith("img2img") and not body.get("init_images")
        if self.flavour != "sdcpp" and without:
            return self._said("no_reference")
        name = REFUSALS.get(self.fault.name)
        return self._said(name) if name else None

    def _size(self, body: Mapping[str, Any]) -> tuple[int, int]:
        if self.flavour == "sdcpp":
            return -(-body["width"] // 64) * 64, -(-body["height"] // 64) * 64
        return body["width"] // 8 * 8, body["height"] // 8 * 8

    def _info(self, body: Mapping[str, Any]) -> str:
        """JSON in a text; nothing from sdcpp. Overriding the model may have no effect."""
        if self.flavour == "sdcpp":
            return ""
        wanted = body.get("override_settings", {}).get("sd_model_checkpoint")
        known = wanted in self._names("models", "model_name") and not self.faulty("other_model")
        seed, (width, height) = body["seed"], self._size(body)
        facts = {
            "seed": seed,
            "seeds": [seed, seed + 1] if self.faulty("short_batch") else [seed],
            "width": width,
            "height": height,
            "sampler": body.get("sampler_name") or self._names("samplers")[0],
            "model": wanted if known else "anime_v3",
            "first": 1 if self.faulty("grid") else 0,
            "stamp": STAMP,
        }
        return json.dumps(filled(answers("sdapi")[self._spelled("info")]["body"], facts))
