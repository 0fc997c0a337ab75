"""What the tests of the ComfyUI adapter share."""

import uuid

from providers.registry import make_provider
from providers.tests.workflows import make_graph
from providers.types import ConnectionConfig, ImageRequest

PICTURE_NODES = {
    "n10": {"class_type": "LoadImage", "title": "fp:image", "image": "none.png"},
    "n11": {"class_type": "VAEEncode", "title": "Encode", "pixels": ["10", 0], "vae": ["4", 2]},
    "n12": {"class_type": "LoadImageMask", "title": "fp:mask", "image": "", "channel": "alpha"},
}


def connect(fake, *more, graph=None, **fields):
    """A connection to the fake, quick to ask again; `more` are further hosts."""
    options = {"poll_interval": 0.01, "websocket": False, "hosts": [host.url for host in more]}
    fields["options"] = options | fields.get("options", {})
    known = {"any": {"graph": graph or make_graph(), "version": 3}}
    limits = {"connect_timeout": 0.5, "read_timeout": 0.5, "deadline": 3.0}
    return ConnectionConfig(
        **{"name": "mine", "kind": "comfyui", "base_url": fake.url, "workflows": known}
        | {"private_network": True, **limits, **fields}
    )


def new_key():
    return str(uuid.uuid4())


def ask_for(**values):
    return ImageRequest(**{"prompt": "A tree", "model": "any", "width": 128, "height": 64} | values)


def ask(connection, sink, key=None, **values):
    return make_provider(connection).generate(ask_for(**values), key or new_key(), sink)


def sent_to(fake):
    """The last prompt that the fake was sent."""
    return fake.calls()[-1].json()


def hold_job(fake, connection, sink, key=None):
    """Send a job that stays in the queue; its handle."""
    fake.held = True
    return make_provider(connection).submit(ask_for(), key or new_key(), sink)
