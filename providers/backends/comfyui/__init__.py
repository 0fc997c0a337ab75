"""ComfyUI: any workflow in API format, on one's own machines.

https://docs.comfy.org/development/comfyui-server/comms_routes, read on 2026-11-21, and what
servers 0.3.64 (October 2025) and 0.25.0 (June 2026) were seen to do.
"""

from providers.backends.comfyui.adapter import ComfyUIProvider

__all__ = ["ComfyUIProvider"]
