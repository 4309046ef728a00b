"""Linear layers in int8: weights scaled by output, activations by token (vector-wise: Dettmers et al. 2022).

One scale for a whole batch is not enough: e5's few large activations would leave the others too few steps (least
cosine to float32 .95, with a scale per token .998). Products are summed exactly, in int32.
"""

import torch
from torch import Tensor, nn

STEPS = 127
TINY = 1e-9  # the scale of a row of zeros


class Int8Linear(nn.Module):
    """A linear layer's stand-in for inference: the same input and output, products in int8."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        weight = layer.weight.detach()
        self.scale = scales(weight)[:, 0]
        self.weight = (weight / self.scale[:, None]).round().to(torch.int8).t().contiguous()
        self.bias = torch.zeros_like(self.scale) if layer.bias is None else layer.bias.detach()

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., in) float32 to (..., out) float32."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        scale = scales(rows)
        products = torch._int_mm((rows / scale).round_().to(torch.int8), self.weight)
        # one conversion, then in place: arithmetic between int32 and float32 takes several times as long
        found = products.to(torch.float32).mul_(scale).mul_(self.scale).add_(self.bias)
        return found.view(*inputs.shape[:-1], -1)


def scales(rows: Tensor) -> Tensor:
    """(n, 1) what one int8 step of each row is worth."""
    return rows.abs().amax(1, keepdim=True).clamp_min(TINY) / STEPS


def quantise(module: nn.Module) -> None:
    """Put an Int8Linear in the place of every plain linear layer inside the module."""
    for name, child in module.named_children():
        if type(child) is nn.Linear:  # a subclass may be used otherwise than by calling it
            setattr(module, name, Int8Linear(child))
        else:
            quantise(child)
