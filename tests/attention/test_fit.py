from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2 import errors
from napari_m2n2.attention import fit
from napari_m2n2.errors import InputError, MissingError

GIGABYTE = 10**9


def need(cells):
    return fit.Need(GIGABYTE, 10_000 * cells, 2_000 * cells, fit.attention_bytes(cells))


@pytest.fixture
def room(monkeypatch):
    def limit(free):
        monkeypatch.setattr("napari_m2n2.devices.memory", lambda device: (10**12, free))

    return limit


def check(grid, device="cuda:0", name="stable-diffusion-2", loaded=False):
    fit.check(name, grid, device, need, loaded=loaded)


def test_the_attention_of_the_published_grid():
    assert fit.attention_bytes(128 * 128) == 4 * 16384**2 == 1_073_741_824


def test_stages_are_not_in_memory_together():
    asked = fit.Need(weights=1000, encoder=500, network=300, attention=100)
    assert asked.working - fit.Need(1000, 0, 0, 0).working == 500
    assert asked.total == 1000 + asked.working
    # the Markov stage has the attention and the transition matrix
    markov = fit.Need(weights=1000, encoder=500, network=300, attention=400)
    assert markov.working - asked.working == 300


def test_what_fits_passes(room):
    room(need(128 * 128).total)
    check((128, 128))


def test_weights_that_are_loaded_are_not_asked_for_again(room):
    room(need(128 * 128).working)
    check((128, 128), loaded=True)
    with pytest.raises(InputError):
        check((128, 128))


@pytest.mark.parametrize(
    ("device", "name", "expected"),
    [
        (
            "cuda:0",
            "stable-diffusion-2",
            "stable-diffusion-2 on a grid of 128 needs 3.4 GB of memory and cuda:0 has 2.0 GB "
            "for it; use grid 96, the device cpu or the smaller backbone dinov2-small.",
        ),
        (
            "cpu",
            "dinov2-small",
            "dinov2-small on a grid of 128 needs 3.4 GB of memory and cpu has 2.0 GB for it; "
            "use grid 96 or the smaller backbone texture.",
        ),
    ],
)
def test_one_sentence_names_what_would_fit(room, device, name, expected):
    room(2 * GIGABYTE)
    with pytest.raises(InputError) as said:
        check((128, 128), device, name)
    assert str(said.value) == expected


def test_what_torch_holds_in_reserve_is_free(monkeypatch):
    """After a first image much of a GPU is in torch's reserve, where others cannot see it."""
    reserve = [need(64 * 64).total]
    free = [0]

    def give_back(device):
        free[0] += reserve.pop() if reserve else 0

    monkeypatch.setattr("napari_m2n2.devices.memory", lambda device: (10**12, free[0]))
    monkeypatch.setattr(fit, "give_back", give_back)
    check((64, 64))
    assert fit.at_hand("cuda:0", need(64 * 64), loaded=False) == need(64 * 64).total


def test_where_no_grid_fits_none_is_named(room):
    room(GIGABYTE // 2)
    with pytest.raises(InputError, match="use the device cpu or the smaller backbone"):
        check((64, 64))


def test_memory_that_ran_out_although_it_should_do_gives_a_smaller_grid(room):
    room(100 * GIGABYTE)
    said = fit.ran_out("stable-diffusion-2", (128, 128), "cuda:1", need)
    assert said.startswith("The memory of cuda:1 ran out for stable-diffusion-2 on a grid of 128;")
    assert "use grid 96, the device cpu or" in said


@given(
    rows=st.integers(16, 160),
    columns=st.integers(16, 160),
    free=st.integers(GIGABYTE, 6 * GIGABYTE),
)
def test_the_grid_that_is_named_fits_and_a_larger_one_does_not(rows, columns, free):
    found = fit._largest((rows, columns), need, free)
    longest = max(rows, columns)
    if found is None:
        assert need(16 * max(round(min(rows, columns) * 16 / longest), 1)).total > free
        return
    assert need(found[0] * found[1]).total <= free
    assert max(found) % 8 == 0
    assert found[0] <= rows
    assert found[1] <= columns
    if max(found) + 8 <= longest:
        larger = [max(round(side * (max(found) + 8) / longest), 1) for side in (rows, columns)]
        assert need(larger[0] * larger[1]).total > free


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: ...)"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried"), True),
        (MemoryError(), True),
        (RuntimeError("shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
        (MissingError("no weights"), False),
    ],
)
def test_out_of_memory_is_told_from_other_errors(error, expected):
    assert errors.is_out_of_memory(error) is expected
