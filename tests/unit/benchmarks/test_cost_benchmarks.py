"""What the benchmarks of a training step compute beside timing it: a fit of powers, and the matrix products of a step."""

from collections import Counter

import pytest
import torch
from benchmarks.arithmetic import Products, operations, seconds
from benchmarks.cost_growth_figure import draw
from benchmarks.power_terms import fit


def test_a_sum_of_powers_is_found_again_with_its_bends() -> None:
    values = (16, 36, 81, 144, 256, 400, 900)
    growth = fit(values, [3.0 + 0.2 * x + 0.001 * x**2 for x in values], (0, 1, 2))
    assert growth.terms == pytest.approx({0.0: 3.0, 1.0: 0.2, 2.0: 0.001})
    assert growth.error < 1e-9
    assert growth.bends == pytest.approx((15, 200))  # 3 = 0.2 x, 0.2 x = 0.001 x^2
    assert growth.at(10_000) == pytest.approx(102_003)
    assert 0 < growth.exponents[0] < 1 < growth.exponents[1] < 2


def test_a_term_that_is_overtaken_before_it_leads_makes_no_bend() -> None:
    values = (1, 2, 4, 8)
    growth = fit(values, [10 + 0.1 * x**0.5 + x for x in values], (0, 0.5, 1))
    assert growth.bends == pytest.approx((10,))


def test_costs_that_do_not_grow_are_a_constant() -> None:
    growth = fit((1, 2, 4), [5.0, 5.0, 5.0], (0, 1))
    assert growth.terms == {0.0: 5.0}
    assert growth.bends == ()
    assert growth.exponents == (0, 0)


def test_products_of_both_passes_are_noted() -> None:
    left, right = torch.randn(6, 4, requires_grad=True), torch.randn(4, 5, requires_grad=True)
    with Products() as products:
        (left @ right).sum().backward()
    assert products.seen == Counter({(1, 6, 4, 5, torch.float32): 1, (1, 6, 5, 4, torch.float32): 1, (1, 4, 6, 5, torch.float32): 1})
    assert operations(products.seen) == 3 * 2 * 6 * 4 * 5
    assert seconds(products.seen) > 0


@pytest.mark.parametrize("length", [8, 40])
def test_fused_attention_counts_as_the_products_inside(length: int) -> None:
    query, key, value = (torch.randn(2, 3, length, 4, requires_grad=True) for _ in range(3))
    with Products() as products:
        torch.nn.functional.scaled_dot_product_attention(query, key, value).sum().backward()
    assert operations(products.seen) == 6 * 2 * (2 * 3) * length * length * 4


@pytest.mark.slow
def test_the_figure_is_drawn() -> None:
    growth = {"hrm": fit((1, 10, 100), [1.0, 2.0, 12.0], (0, 1)), "transformer": fit((1, 10, 100), [1.0, 1.0, 1.0], (0, 1))}
    assert draw({"batch": growth}, {"batch": growth}).startswith(b"\x89PNG")
