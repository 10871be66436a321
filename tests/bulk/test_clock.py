from __future__ import annotations

from napari_m2n2.bulk.clock import Clock, Pace, about


def test_times_as_people_say_them():
    assert [about(seconds) for seconds in (3, 60, 3599, 3600, 8000)] == [
        "less than a minute",
        "about 1 min",
        "about 1 h 0 min",
        "about 1 h 0 min",
        "about 2 h 13 min",
    ]


def test_the_time_left_is_that_of_this_call(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("napari_m2n2.bulk.clock.time.monotonic", lambda: now[0])
    paces, told = [], []
    clock = Clock("counting", lambda: paces[-1], lambda *report: told.append(report))
    # 8 of 10 were done by an earlier call
    for seconds, pace in [
        (0.0, Pace(10, 8, 0, False)),
        (5.0, Pace(10, 8, 0, True)),
        (125.0, Pace(10, 9, 1, True)),
        (245.0, Pace(10, 10, 2, True)),
    ]:
        now[0] = seconds
        paces.append(pace)
        clock.tick()
    assert told == [
        ("counting", 0.8),
        ("counting", 0.8),
        ("counting, about 2 min left", 0.9),
        ("counting, less than a minute left", 1.0),
    ]
