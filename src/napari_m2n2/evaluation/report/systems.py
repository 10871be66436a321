"""What was compared: runs with the same settings are one system, clicked on several datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.failure import Failure
from napari_m2n2.evaluation.predictors import PEERS
from napari_m2n2.evaluation.runs import Record, Run, Settings, settings_to_json
from napari_m2n2.evaluation.summary import summarise

DOMAINS = {
    "natural": "natural images",
    "microscopy": "microscopy",
    "medical": "medical images",
    "": "other images",
}
"""How readers call the domains of records, in the order they are shown."""

Key = tuple[str, str, str]
"""Dataset, image and object: what two runs have in common."""


@dataclass(frozen=True)
class Group:
    """Objects that are read together: a dataset, or a domain.

    Attributes
    ----------
    name : str
        The dataset's name, or the domain as readers call it.
    domain : str
        As in the records.
    records : tuple of Record
    summary : dict
        Of `napari_m2n2.evaluation.summary.summarise`.
    """

    name: str
    domain: str
    records: tuple[Record, ...]
    summary: dict[str, Any]


@dataclass(frozen=True)
class System:
    """A way to segment, and what it reached.

    Attributes
    ----------
    name : str
        Different from that of every other system of a report.
    settings : Settings
    runs : tuple of Run
        Where the records are from.
    datasets : tuple of Group
        In the order of the domains, then of the runs.
    domains : tuple of Group
        In the order of `DOMAINS`; every object counts the same.
    """

    name: str
    settings: Settings
    runs: tuple[Run, ...]
    datasets: tuple[Group, ...]
    domains: tuple[Group, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """All objects."""
        return tuple(record for run in self.runs for record in run.objects)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """All objects and images that could not be evaluated."""
        return tuple(failure for run in self.runs for failure in run.failures)

    def domain(self, name: str) -> Group | None:
        """Return the objects of a domain, None if there are none."""
        return next((group for group in self.domains if group.domain == name), None)


def key(record: Record) -> Key:
    """Return what names an object in every run."""
    return record.dataset, record.image, record.object


def make_systems(runs: Sequence[Run], names: Sequence[str] | None = None) -> tuple[System, ...]:
    """Put runs with the same settings together and name what is left.

    Parameters
    ----------
    runs : sequence of Run
        Those that differ in nothing but the device and have no object in common become one.
    names : sequence of str, optional
        One for each run, to be told apart by; runs of different names stay apart. Without it,
        names are made from the settings in which the runs differ.

    Returns
    -------
    tuple of System

    Raises
    ------
    InputError
        If there is no run, or not one name for each.
    """
    if not runs:
        raise InputError("There is no run to report on; give at least one RUN.json.")
    if names is not None and len(names) != len(runs):
        raise InputError(
            f"The number of names ({len(names)}) is not that of the runs ({len(runs)}); "
            "give one name for each run."
        )
    gathered: list[list[int]] = []
    for number in range(len(runs)):
        for together in gathered:
            if _belongs(runs, names, number, together):
                together.append(number)
                break
        else:
            gathered.append([number])
    parts = [tuple(runs[number] for number in together) for together in gathered]
    if names is None:
        called = describe([part[0].settings for part in parts])
    else:
        called = _different([names[together[0]] for together in gathered])
    return tuple(_make(name, part) for name, part in zip(called, parts, strict=True))


def describe(settings: Sequence[Settings]) -> list[str]:
    """Return a name for each of some settings, made of what tells them apart."""
    shown: dict[str, Callable[[Settings], str]] = {
        "method": lambda one: one.method,
        "backbone": lambda one: one.backbone,
        "preset": lambda one: f"preset {one.preset}",
        "grid": lambda one: "default grid" if one.grid is None else f"grid {one.grid}",
        "protocol": lambda one: f"protocol {one.protocol}",
        "clicks": lambda one: f"{one.clicks} clicks",
        "weights": lambda one: one.weights or "",
        "parameters": lambda one: ", ".join(f"{k}={v}" for k, v in one.parameters.items()),
    }
    told = [
        name
        for name, say in shown.items()
        if len({say(one) for one in settings if matters(name, one)}) > 1
    ] or ["method", "backbone"]
    return _different(
        [
            ", ".join(text for name in told if matters(name, one) and (text := shown[name](one)))
            or one.method
            for one in settings
        ]
    )


def matters(name: str, settings: Settings) -> bool:
    """Return whether a setting changes anything: peers have neither backbone nor grid."""
    return settings.method not in PEERS or name not in ("backbone", "preset", "grid")


def _different(names: Sequence[str]) -> list[str]:
    """Return names with a number where two are the same."""
    return [
        f"{name} ({list(names[: place + 1]).count(name)})" if list(names).count(name) > 1 else name
        for place, name in enumerate(names)
    ]


def _belongs(
    runs: Sequence[Run], names: Sequence[str] | None, number: int, together: Sequence[int]
) -> bool:
    """Return whether a run continues others."""
    if names is not None and names[number] != names[together[0]]:
        return False
    if _identity(runs[number].settings) != _identity(runs[together[0]].settings):
        return False
    there = {key(record) for other in together for record in runs[other].objects}
    return there.isdisjoint(key(record) for record in runs[number].objects)


def _identity(settings: Settings) -> dict[str, Any]:
    """Return what makes settings the same, whatever they were computed on."""
    return {**settings_to_json(settings), "device": None}


def _make(name: str, runs: tuple[Run, ...]) -> System:
    """Return the system of some runs."""
    records = [record for run in runs for record in run.objects]
    order = [*DOMAINS, *dict.fromkeys(record.domain for record in records)]
    records.sort(key=lambda record: order.index(record.domain))
    return System(
        name=name,
        settings=runs[0].settings,
        runs=runs,
        datasets=_groups(records, lambda record: record.dataset, lambda dataset: dataset),
        domains=_groups(
            records, lambda record: record.domain, lambda domain: DOMAINS.get(domain, domain)
        ),
    )


def _groups(
    records: Iterable[Record], by: Callable[[Record], str], call: Callable[[str], str]
) -> tuple[Group, ...]:
    """Return the records in groups, in the order in which they appear."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(by(record), []).append(record)
    return tuple(
        Group(call(name), members[0].domain, tuple(members), summarise(members))
        for name, members in found.items()
    )
