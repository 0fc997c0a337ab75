"""A1111's API: AUTOMATIC1111, Forge, SD.Next and stable-diffusion.cpp's server, `/sdapi/v1`.

Pages: https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/API and each server's own
`/docs`; read, and observed on a running Forge and sd-server, in November 2026.
"""

from providers.backends.sdapi.adapter import SdApiProvider

__all__ = ["SdApiProvider"]
