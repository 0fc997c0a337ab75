"""As much of PyTorch as the child process asks for itself, where the real one is missing."""

from contextlib import nullcontext as inference_mode
from types import SimpleNamespace

__all__ = ["inference_mode"]

float32, float16, bfloat16 = "float32", "float16", "bfloat16"
cuda = SimpleNamespace(is_available=lambda: False)
backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False))


class OutOfMemoryError(RuntimeError):
    pass


class Generator:
    def __init__(self, device):
        self.device = device

    def manual_seed(self, seed):
        self.seed = seed
        return self
