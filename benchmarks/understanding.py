"""How well free words are understood, on made-up labelled messages: the tuned part and the held-out third apart."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bot.office.understanding import Understanding, read_understanding

ROOT = Path(__file__).parent.parent
MESSAGES = ROOT / "benchmarks" / "data" / "messages.jsonl"
Labelled = dict[str, Any]
Judged = Sequence[tuple[Labelled, Understanding]]


def rate(name: str, rows: Judged, right: Callable[[Labelled, Understanding], bool], limit: float) -> None:
    """Prints the share that is right, with its n."""
    hits = sum(right(label, found) for label, found in rows)
    share = f"{hits / len(rows):.3f}" if rows else "no sample"
    print(f"{name} {share} (n {len(rows)}) limit {limit}")


def kind_right(label: Labelled, found: Understanding) -> bool:
    if label["kind"] == "talk":
        return not found.matters
    return bool(found.matters) and found.matters[0].kind == label["kind"]


def figures(part: str, rows: Judged) -> None:
    rate(f"{part}.kind", rows, kind_right, 0.85)
    several = [row for row in rows if row[0]["matters"] > 1]
    rate(f"{part}.split", several, lambda label, found: len(found.matters) == label["matters"], 0.70)
    single = [row for row in rows if row[0]["matters"] == 1]
    rate(f"{part}.whole", single, lambda _label, found: len(found.matters) == 1, 0.95)
    danger = [row for row in rows if "danger" in row[0]]
    rate(f"{part}.danger", danger, lambda label, found: found.danger == label["danger"], 1.0)
    calm = [row for row in rows if "danger" not in row[0]]
    rate(f"{part}.calm", calm, lambda _label, found: found.danger is None, 0.98)


def main() -> None:
    rules = read_understanding(ROOT / "content" / "understanding")
    labelled = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()]
    began = time.process_time()
    rows = [(label, rules.understand(label["text"])) for label in labelled]
    spent = (time.process_time() - began) / len(rows) * 1000
    figures("tuned", [row for row in rows if not row[0]["held_out"]])
    figures("held_out", [row for row in rows if row[0]["held_out"]])
    figures("all", rows)
    print(f"understanding.cpu {spent:.3f} ms limit 1")


if __name__ == "__main__":
    main()
