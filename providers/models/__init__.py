"""Connections to services, the catalogue of their models, and ComfyUI workflows."""

from providers.models.catalogue import ImageModel
from providers.models.connections import WORKFLOW_KIND, Connection
from providers.models.workflows import Workflow

__all__ = ["WORKFLOW_KIND", "Connection", "ImageModel", "Workflow"]
