"""Lines of the result: name, value, limit; a miss is said to be one."""

import statistics
from collections.abc import Sequence


class Figures:
    """Prints as it goes, so that a run that is broken off has said something."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def tell(
        self, name: str, value: float, unit: str = "", *, at_most: float | None = None, at_least: float | None = None
    ) -> None:
        limit = "-" if at_most is None else f"<= {at_most:g}"
        is_miss = at_most is not None and value > at_most
        if at_least is not None:
            limit, is_miss = f">= {at_least:g}", value < at_least
        if is_miss:
            self.missed.append(name)
        print(f"{name:44} {value:10.3f} {unit:8} limit {limit}{'  MISSED' if is_miss else ''}", flush=True)

    def spread(self, name: str, values: Sequence[float], unit: str = "", *, at_most: float | None = None) -> float:
        """The median of the rounds is what counts; the least and the most stand behind it."""
        middle = statistics.median(values)
        self.tell(name, middle, unit, at_most=at_most)
        print(f"{'':44} (min {min(values):.3f}, max {max(values):.3f}, n {len(values)})", flush=True)
        return middle


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
