import torch
from torch import nn

from matching.int8_linear import Int8Linear, quantise


def test_products_of_whole_steps_are_exact() -> None:
    layer = nn.Linear(3, 2)
    layer.weight.data = torch.tensor([[127.0, -3.0, 0.0], [1.0, 2.0, 127.0]])
    layer.bias.data = torch.tensor([0.5, -1.0])
    rows = torch.tensor([[[127.0, 5.0, -7.0]], [[0.0, 0.0, 0.0]]])
    assert torch.allclose(Int8Linear(layer)(rows), layer(rows), rtol=1e-6)


def test_a_large_activation_costs_only_its_own_token_precision() -> None:
    layer = nn.Linear(64, 8, bias=False)
    rows = torch.linspace(-1, 1, 128).reshape(2, 64)
    alone = Int8Linear(layer)(rows[:1])
    rows[1, 3] = 1e4
    assert torch.equal(Int8Linear(layer)(rows)[:1], alone)


def test_a_row_of_zeros_and_a_weight_of_zeros_give_the_bias() -> None:
    layer = nn.Linear(4, 2)
    layer.weight.data.zero_()
    assert torch.equal(Int8Linear(layer)(torch.zeros(3, 4)), layer.bias.detach().expand(3, 2))


def test_every_plain_linear_layer_is_replaced_at_any_depth() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.GELU(), nn.Linear(4, 2)))
    quantise(module)
    assert [type(part) for part in module.modules() if not list(part.children())] == [Int8Linear, nn.GELU, Int8Linear]
