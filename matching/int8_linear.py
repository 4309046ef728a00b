"""Linear layers in int8: weights scaled by output, activations by token, large inputs apart (Dettmers et al. 2022).

One scale for a whole batch is not enough: e5's few large activations would leave the others too few steps (least
cosine to float32 .95). With a scale per token it is .9988, and with the two largest inputs of each layer multiplied in
float32 .9997. Products are summed exactly, in int32.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

STEPS = 127
TINY = 1e-9  # the scale of a row of zeros
LARGE = 2  # inputs of a layer that stay in float32


class Int8Linear(nn.Module):
    """A linear layer's stand-in for inference: the same input and output, products in int8."""

    def __init__(self, layer: nn.Linear, large: Tensor) -> None:
        """`large` (k,) are the inputs that stay in float32."""
        super().__init__()
        self.large = large.sort().values
        weight = layer.weight.detach()
        self.kept = weight[:, self.large].t().contiguous()
        weight = weight.index_fill(1, self.large, 0.0)
        self.scale = scales(weight)[:, 0]
        self.weight = (weight / self.scale[:, None]).round().to(torch.int8).t().contiguous()
        self.bias = torch.zeros_like(self.scale) if layer.bias is None else layer.bias.detach()

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., in) float32 to (..., out) float32."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        apart = rows[:, self.large]
        rows = rows.index_fill(1, self.large, 0.0)
        scale = scales(rows)
        products = torch._int_mm((rows / scale).round_().to(torch.int8), self.weight)
        # one conversion, then in place: arithmetic between int32 and float32 takes several times as long
        found = products.to(torch.float32).mul_(scale).mul_(self.scale).add_(self.bias).addmm_(apart, self.kept)
        return found.view(*inputs.shape[:-1], -1)


def scales(rows: Tensor) -> Tensor:
    """(n, 1) what one int8 step of each row is worth."""
    return rows.abs().amax(1, keepdim=True).clamp_min(TINY) / STEPS


def quantise(module: nn.Module, try_out: Callable[[], object]) -> None:
    """Put an Int8Linear in the place of every plain linear layer; `try_out` runs some input through the module."""
    # a subclass may be used otherwise than by calling it
    layers = {name: part for name, part in module.named_modules() if type(part) is nn.Linear}
    largest = largest_inputs(layers, try_out)
    for name, layer in layers.items():
        owner, _, own = name.rpartition(".")
        setattr(module.get_submodule(owner), own, Int8Linear(layer, largest[name].topk(LARGE).indices))


def largest_inputs(layers: dict[str, nn.Linear], try_out: Callable[[], object]) -> dict[str, Tensor]:
    """By layer, how large each of its inputs gets; zeros where nothing comes through."""
    found = {name: torch.zeros(layer.in_features) for name, layer in layers.items()}

    def watched(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def watch(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            found[name] = found[name].maximum(inputs[0].detach().abs().reshape(-1, inputs[0].shape[-1]).amax(0))

        return watch

    hooks = [layer.register_forward_pre_hook(watched(name)) for name, layer in layers.items()]
    try:
        try_out()
    finally:
        for hook in hooks:
            hook.remove()
    return found
