"""What a received picture costs: OpenAI's answer of 1.67 MB as base64, from socket to stored file.

Our adapter and store beside the plain `openai` client in a thread pool, each in a process of its
own. Both check the picture's checksums, hash it and write it durably; neither decodes it.
"""

import base64
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, figure, heading, own_data

IN_FLIGHT, PICTURES = 64, 256
SECONDS = (5.0, 1.0)  # of a call; with 1.0 the answers come all together, the worst case
REQUEST = {"prompt": "A lighthouse in fog", "model": "gpt-image-2"}


def main() -> None:
    for seconds in SECONDS:
        ideal = PICTURES * seconds / IN_FLIGHT
        heading(f"{PICTURES} pictures of {seconds:g} s, {IN_FLIGHT} in flight")
        with upstream(seconds) as port:
            for name in ("frontispiece", "peer"):
                told = run_client(name, port)
                limits = TARGETS if (name, seconds) == ("frontispiece", 5.0) else ("", "", "")
                label = "Frontispiece" if name == "frontispiece" else "plain openai client"
                figure(f"{label}: CPU a picture", f"{told['cpu']:.1f} ms", limits[0])
                figure(f"{label}: memory", f"{told['memory']:.0f} MB", limits[1])
                figure(f"{label}: ideal / wall", f"{ideal / told['wall']:.3f}", limits[2])


TARGETS = ("at most 10 ms", "at most 250 MB", "at least 0.90")


@contextmanager
def upstream(seconds: float) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.upstream", str(seconds)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def run_client(name: str, port: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.receive", name, str(port)]
    answer = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return told


# --- In the client's process ------------------------------------------------------------


def measure(receive: Callable[[], object]) -> dict[str, float]:
    """CPU milliseconds a picture, wall seconds and peak memory of receiving them all."""
    receive()  # what is made once, such as the TLS context, is made before
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        begun, started = cpu(), time.monotonic()
        for future in [pool.submit(receive) for _ in range(PICTURES)]:
            future.result()
        wall, spent = time.monotonic() - started, cpu() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": spent / PICTURES * 1000, "wall": wall, "memory": memory}


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def verify(path: str) -> None:
    """The checksums of the file, without decoding it."""
    from PIL import Image

    with Image.open(path) as image:
        image.verify()


class SpoolSink:
    """A sink that keeps files, and nothing else: the ledger is measured elsewhere."""

    def __init__(self) -> None:
        from imagegen.services.spool import Spool

        self.spool = Spool(uuid.uuid4())

    def sending(self, parameters: Mapping[str, Any]) -> None: ...

    def headers(self, status: int, request_id: str, rate: Mapping[str, str]) -> None: ...

    def handle(self, handle: Any) -> None: ...

    def progress(self, fraction: float) -> None: ...

    def open_spool(self) -> Any:
        return self.spool.open_file()


def ours(port: int) -> dict[str, float]:
    with own_data():
        from django.core.files.storage import storages

        from imagegen.storage import save_file
        from providers.registry import make_provider
        from providers.types import ConnectionConfig, ImageRequest

        config = ConnectionConfig(
            name="bench",
            kind="openai",
            base_url=f"http://127.0.0.1:{port}/v1",
            secret="a key",  # noqa: S106 - of nobody
            private_network=True,
        )
        provider = make_provider(config)
        request = ImageRequest(**REQUEST, width=SIDE, height=SIDE, output_format="png")
        storage = storages["originals"]

        def receive() -> None:
            sink = SpoolSink()
            result = provider.generate(request, str(uuid.uuid4()), sink)
            file = result.files[0]
            verify(file.path)
            save_file(storage, f"originals/{uuid.uuid4()}.png", file.path, file.sha256)
            sink.spool.remove()

        return measure(receive)


SIDE = 1024


def peer(port: int) -> dict[str, float]:
    from openai import OpenAI

    with own_data() as folder:
        client = OpenAI(api_key="a key", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)

        def receive() -> None:
            answer = client.images.generate(**REQUEST, size=f"{SIDE}x{SIDE}")
            data = base64.b64decode(answer.data[0].b64_json)
            path = Path(folder) / f"{uuid.uuid4()}.png"
            with open(path, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            verify(str(path))
            hashlib.sha256(data).hexdigest()

        return measure(receive)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        client = {"frontispiece": ours, "peer": peer}[sys.argv[1]]
        print(json.dumps(client(int(sys.argv[2]))))
    else:
        main()
