"""A service that answers like OpenAI's images API after a constant time, for `receive`.

Run as `python -m benchmarks.upstream SECONDS`; it prints its port and serves until it is ended.
"""

import asyncio
import base64
import io
import json
import sys

import numpy as np
from PIL import Image

BODIES = 16
SIDE = 1024  # pixels; about 1.67 MB as a PNG


def bodies() -> list[bytes]:
    """Whole HTTP answers, each with another picture."""
    return [answer(picture(seed)) for seed in range(BODIES)]


def picture(seed: int) -> bytes:
    """A PNG with as much grain as a drawn picture has."""
    chance = np.random.default_rng(seed)
    ramp = np.linspace(40, 200, SIDE)[None, :, None] + np.linspace(0, 40, SIDE)[:, None, None]
    grain = chance.integers(0, 9, (SIDE, SIDE, 3))
    image = Image.fromarray((ramp + grain).astype("uint8"))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def answer(data: bytes) -> bytes:
    body = json.dumps(
        {
            "created": 1,
            "data": [{"b64_json": base64.b64encode(data).decode()}],
            "output_format": "png",
            "usage": {"input_tokens": 50, "output_tokens": 1756, "total_tokens": 1806},
        }
    ).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def serve(seconds: float) -> None:
    answers, count = bodies(), 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.partition(b":")[2])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                )
                await reader.readexactly(length)
                await asyncio.sleep(seconds)
                writer.write(answers[count % BODIES])
                count += 1
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, StopIteration):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
