"""The blog is tested alone: what other apps have registered is not called."""

import pytest

from blog import hooks


@pytest.fixture(autouse=True)
def no_hooks(monkeypatch):
    monkeypatch.setattr(hooks, "_functions", {event: [] for event in hooks.EVENTS})
