"""The divergence of distributions, against its definition."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.segmentation.divergence import divergences


@settings(max_examples=30, deadline=None)
@given(
    few=st.integers(1, 5), more=st.integers(1, 5), cells=st.integers(1, 9), seed=st.integers(0, 9)
)
def test_it_equals_its_definition(few, more, cells, seed):
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(cells), few), rng.dirichlet(np.ones(cells), more)
    expected = [
        [0.5 * (a * np.log(a / b)).sum() + 0.5 * (b * np.log(b / a)).sum() for b in q] for a in p
    ]
    found = divergences(torch.from_numpy(p), torch.from_numpy(q))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_of_maps_among_themselves_it_is_symmetric_and_zero_for_equal_ones():
    p = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(9), 6))
    among = divergences(p, p)
    torch.testing.assert_close(among, divergences(p, p.clone()))
    torch.testing.assert_close(among, among.T)
    np.testing.assert_allclose(among.diagonal(), 0, atol=1e-12)


def test_shares_of_zero_do_not_make_it_infinite():
    apart = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert torch.isfinite(divergences(apart, apart)).all()
    assert float(divergences(apart, apart)[0, 1]) > 10
