"""Rows for tests."""

from typing import Any

from providers.models import Connection, ImageModel


def make_connection(name: str = "far", **fields: Any) -> Connection:
    return Connection.objects.create(name=name, **{"kind": "stub", **fields})


def make_model(connection: Connection, name: str = "any", **fields: Any) -> ImageModel:
    return ImageModel.objects.create(connection=connection, name=name, **fields)
