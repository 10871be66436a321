"""Threads that share a piece of work."""

from __future__ import annotations

import threading

import pytest

from napari_m2n2.markov.team import Team


def meet(number):
    """What can only be done by so many at the same time; the same barrier for all."""
    barrier = threading.Barrier(number, timeout=30)
    return lambda item: barrier.wait()


def test_all_of_them_work_at_the_same_time_again_and_again():
    with Team(3) as team:
        for _ in range(20):
            team.each(meet(3), [1, 2, 3])


@pytest.mark.parametrize("size", [1, 4])
def test_each_item_once(size):
    done = []
    with Team(size) as team:
        for count in (0, 1, 2, 50):
            done.clear()
            team.each(done.append, list(range(count)))
            assert sorted(done) == list(range(count))


def test_nobody_else_works_outside_the_block():
    before = threading.active_count()
    team, who = Team(3), []
    with team:
        assert threading.active_count() == before + 2
    assert threading.active_count() == before
    team.each(lambda item: who.append(threading.current_thread()), [1, 2, 3])
    assert set(who) == {threading.current_thread()}


def test_what_goes_wrong_elsewhere_is_raised_here_and_the_team_goes_on():
    barrier, me = threading.Barrier(2, timeout=30), threading.current_thread()

    def fail(item):
        barrier.wait()
        if threading.current_thread() is not me:
            raise ZeroDivisionError

    with Team(2) as team:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                team.each(fail, [1, 2])
        team.each(meet(2), [1, 2])


def test_the_others_end_when_the_block_is_left_by_an_error():
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), Team(3):
        raise ZeroDivisionError
    assert threading.active_count() == before
