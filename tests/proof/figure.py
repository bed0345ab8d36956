"""What a proof prints: one figure, and the limit it was held to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`id name value limit`; `holds` says whether the limit was kept."""

    id: str
    name: str
    value: float
    limit: str
    holds: bool
    timed: bool = False  # hangs on the machine: shown by every run, held against its limit by `make proof` alone

    def __str__(self) -> str:
        value = f"{self.value:g}"
        return f"{self.id} {self.name} {value} limit {self.limit}{'' if self.holds else '  MISSED'}"


def exactly(id: str, name: str, value: float, wanted: float) -> Figure:
    return Figure(id, name, value, f"= {wanted:g}", value == wanted)


def at_most(id: str, name: str, value: float, most: float) -> Figure:
    return Figure(id, name, value, f"<= {most:g}", value <= most)


def at_least(id: str, name: str, value: float, least: float) -> Figure:
    return Figure(id, name, value, f">= {least:g}", value >= least)


def within(id: str, name: str, value: float, most: float) -> Figure:
    """So many seconds at most."""
    return Figure(id, name, round(value, 2), f"<= {most:g}", value <= most, timed=True)
