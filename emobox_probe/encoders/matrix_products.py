"""What NVIDIA GPUs compute products of float32 matrices in: float32, or TF32, which keeps 10 of 23 bits of mantissa."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

Products = Literal["float32", "tf32"]


@contextmanager
def matrix_products(kind: Products) -> Iterator[None]:
    """Compute products of float32 matrices, and convolutions, so within; afterwards as before."""
    products, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if kind == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = kind == "tf32"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(products)
        torch.backends.cudnn.allow_tf32 = convolutions


def products_of_heads(device: torch.device) -> Products:
    """What heads are trained in: TF32 on a GPU, where it is several times as fast, else float32."""
    return "tf32" if device.type == "cuda" else "float32"
