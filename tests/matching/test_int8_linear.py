import torch
from torch import Tensor, nn

from matching.int8_linear import Int8Linear, largest_inputs, quantise

NONE = torch.zeros(0, dtype=torch.int64)


def test_products_of_whole_steps_are_exact() -> None:
    layer = nn.Linear(3, 2)
    layer.weight.data = torch.tensor([[127.0, -3.0, 0.0], [1.0, 2.0, 127.0]])
    layer.bias.data = torch.tensor([0.5, -1.0])
    rows = torch.tensor([[[127.0, 5.0, -7.0]], [[0.0, 0.0, 0.0]]])
    assert torch.allclose(Int8Linear(layer, NONE)(rows), layer(rows), rtol=1e-6)


def error(layer: nn.Linear, large: Tensor, rows: Tensor) -> float:
    return float((Int8Linear(layer, large)(rows) - layer(rows)).detach().abs().max())


def test_a_large_activation_costs_only_its_own_token_precision() -> None:
    layer = nn.Linear(64, 8, bias=False)
    rows = torch.linspace(-1, 1, 128).reshape(2, 64)
    alone = Int8Linear(layer, NONE)(rows[:1])
    rows[1, 3] = 1e4
    assert torch.equal(Int8Linear(layer, NONE)(rows)[:1], alone)


def test_a_large_input_that_stays_in_float32_costs_no_precision() -> None:
    torch.manual_seed(1)
    layer = nn.Linear(64, 8)
    rows = torch.linspace(-1, 1, 128).reshape(2, 64)
    without = error(layer, NONE, rows)
    rows[:, 3] = 1e3
    assert error(layer, NONE, rows) > 0.1 > 10 * error(layer, torch.tensor([3]), rows)
    assert error(layer, torch.tensor([3]), rows) < 2 * without


def test_a_row_of_zeros_and_a_weight_of_zeros_give_the_bias() -> None:
    layer = nn.Linear(4, 2)
    layer.weight.data.zero_()
    assert torch.equal(Int8Linear(layer, NONE)(torch.zeros(3, 4)), layer.bias.detach().expand(3, 2))


def test_every_plain_linear_layer_is_replaced_at_any_depth_by_what_came_through() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.GELU(), nn.Linear(4, 2)))
    quantise(module, lambda: module(torch.tensor([[0.0, 9.0, 1.0, -10.0]])))
    assert [type(part) for part in module.modules() if not list(part.children())] == [Int8Linear, nn.GELU, Int8Linear]
    first = module[0]
    assert isinstance(first, Int8Linear)
    assert first.large.tolist() == [1, 3]


def test_what_watched_the_inputs_is_gone_afterwards() -> None:
    layer = nn.Linear(2, 1)
    found = largest_inputs({"only": layer}, lambda: layer(torch.tensor([[1.0, -3.0], [2.0, 0.5]])))
    assert found["only"].tolist() == [2, 3]
    layer(torch.tensor([[9.0, 9.0]]))
    assert found["only"].tolist() == [2, 3]
