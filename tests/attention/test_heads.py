from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.attention import heads
from napari_m2n2.attention.heads import add_mean_attention, rows_at_once
from napari_m2n2.errors import Cancelled


def plain(query, key, number, scale, skip=0):
    """All heads at once, in float64."""
    q, k = (one.double().unflatten(1, (number, -1)).transpose(0, 1) for one in (query, key))
    return torch.softmax(q @ k.transpose(1, 2) * scale, dim=-1).mean(0)[skip:, skip:]


def relative(found, expected):
    return float(((found.double() - expected).abs() / expected).max())


def random_tokens(tokens, width, seed=0, size=1.0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(tokens, width, generator=generator) * size for _ in range(2)]


@given(
    tokens=st.integers(1, 40),
    number=st.integers(1, 6),
    depth=st.integers(1, 9),
    skip=st.integers(0, 5),
    rows=st.integers(1, 50),
    seed=st.integers(0, 1000),
)
def test_equals_the_plain_mean_whatever_the_blocks_of_rows(
    tokens, number, depth, skip, rows, seed
):
    query, key = random_tokens(skip + tokens, number * depth, seed)
    into = torch.zeros(tokens, tokens)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heads, "rows_at_once", lambda tokens, device: rows)
        add_mean_attention(into, query, key, number, scale=depth**-0.5, skip=skip)
    assert relative(into, plain(query, key, number, depth**-0.5, skip)) < 1e-5


def test_blocks_are_added_with_their_weights():
    query, key = random_tokens(30, 8)
    into = torch.ones(30, 30)
    add_mean_attention(into, query, key, 2, scale=0.5, weight=0.25)
    torch.testing.assert_close(into.double(), 1 + 0.25 * plain(query, key, 2, 0.5))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_before_the_softmax(dtype):
    query, key = (one.to(dtype) for one in random_tokens(2048, 4, size=2.0))
    into = torch.zeros(2048, 2048)
    add_mean_attention(into, query, key, 1, scale=0.5)
    expected = plain(query, key, 1, 0.5)
    assert relative(into, expected) < 1e-5
    # in float16 much of it would have been lost
    lost = (torch.softmax(query.float() @ key.float().T * 0.5, 1).half() == 0).float().mean()
    assert float(lost) > 0.1
    assert float(into.min()) > 0


def test_the_same_every_time():
    query, key = random_tokens(300, 12)
    found = []
    for _ in range(2):
        into = torch.zeros(300, 300)
        add_mean_attention(into, query, key, 3, scale=0.5)
        found.append(into)
    assert torch.equal(*found)


def test_a_block_of_rows_is_small_and_never_empty():
    for tokens in (1, 4096, 16384, 10**8):
        rows = rows_at_once(tokens, "cpu")
        assert rows >= 1
        assert rows == 1 or 4 * rows * tokens <= 1 << 22
    assert rows_at_once(16384, "cuda") > rows_at_once(16384, "cpu")


def test_reports_and_can_be_ended(monkeypatch):
    monkeypatch.setattr(heads, "rows_at_once", lambda tokens, device: 4)
    query, key = random_tokens(12, 4)
    fractions = []
    add_mean_attention(
        torch.zeros(12, 12), query, key, 1, scale=1, progress=lambda p, f: fractions.append((p, f))
    )
    assert fractions == [("encode", 4 / 12), ("encode", 8 / 12), ("encode", 1.0)]

    def stop(phase, fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        add_mean_attention(torch.zeros(12, 12), query, key, 1, scale=1, progress=stop)
