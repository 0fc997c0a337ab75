"""What a received picture costs: OpenAI's answer of 1.67 MB as base64, from socket to stored file.

Three clients, each in a process of its own: our adapter and store; the plain `openai` client in a
thread pool; and, as the floor, the least that can be done in Python, a bare stream without any
guard or ledger. All check the picture's checksums, hash it and write it durably; none decodes it.

Milliseconds differ by a factor of four between machines, their ratio does not. The floor took 6.0
to 6.6 ms where our limit of 10 ms was set (2026-11-21), so the limit is 1.5 times the floor.
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

import pybase64
import urllib3

from benchmarks.common import ROOT, figure, heading, own_data

IN_FLIGHT, PICTURES = 64, 256
SECONDS = (5.0, 1.0)  # of a call; with 1.0 the answers come all together, the worst case
REQUEST = {"prompt": "A lighthouse in fog", "model": "gpt-image-2"}
KEY = "sk-a-key-of-the-usual-length-0123456789"
CLIENTS = {"frontispiece": "Frontispiece", "peer": "plain openai client", "floor": "bare stream"}
TARGETS = ("at most 1.5 × bare", "at most 250 MB", "at least 0.90")


def main() -> None:
    for seconds in SECONDS:
        ideal = PICTURES * seconds / IN_FLIGHT
        heading(f"{PICTURES} pictures of {seconds:g} s, {IN_FLIGHT} in flight")
        with upstream(seconds) as port:
            told = {name: run_client(name, port) for name in CLIENTS}
        floor = told["floor"]["cpu"]
        for name, label in CLIENTS.items():
            targets = TARGETS if (name, seconds) == ("frontispiece", 5.0) else ("", "", "")
            cpu, memory, wall = (told[name][key] for key in ("cpu", "memory", "wall"))
            figure(f"{label}: CPU a picture", f"{cpu:.1f} ms, {cpu / floor:.2f}", targets[0])
            figure(f"{label}: memory", f"{memory:.0f} MB", targets[1])
            figure(f"{label}: ideal / wall", f"{ideal / wall:.3f}", targets[2])


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
            secret=KEY,
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
            save_file(storage, f"originals/{uuid.uuid4()}.png", file.path, file.sha256, hashed=True)
            sink.spool.remove()

        return measure(receive)


SIDE = 1024


def peer(port: int) -> dict[str, float]:
    from openai import OpenAI

    with own_data() as folder:
        client = OpenAI(api_key=KEY, base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)

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


def floor(port: int) -> dict[str, float]:
    pool = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=IN_FLIGHT)

    with own_data() as folder:

        def receive() -> None:
            path = Path(folder) / f"{uuid.uuid4()}.png"
            url = "/v1/images/generations"
            answer = pool.request("POST", url, json=REQUEST, preload_content=False)
            digest = hashlib.sha256()
            with open(path, "wb") as file:
                for data in decoded(answer.stream(64 * 1024)):
                    digest.update(data)
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
            answer.release_conn()
            verify(str(path))

        return measure(receive)


def decoded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The picture inside the answer of `benchmarks.upstream`, and of nobody else."""
    opening = b'"b64_json": "'
    first = next(chunks)
    carry = first[first.index(opening) + len(opening) :]
    for chunk in chunks:
        text, quote, _ = (carry + chunk).partition(b'"')
        whole = len(text) & ~3
        yield pybase64.b64decode(text[:whole], validate=True)
        carry = text[whole:]
        if quote:
            break
    for _ in chunks:
        pass


if __name__ == "__main__":
    if len(sys.argv) > 1:
        client = {"frontispiece": ours, "peer": peer, "floor": floor}[sys.argv[1]]
        print(json.dumps(client(int(sys.argv[2]))))
    else:
        main()
