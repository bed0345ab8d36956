"""Updates as nobody should send them: one thing changed, missing or repeated."""

import random
from typing import Any

ODD: list[Any] = [
    None,
    True,
    "",
    "\ud83d",
    "\0",
    -1,
    0,
    2**31,
    2**63,
    10**400,
    1e308,
    [],
    {},
    [[]],
    {"id": {}},
    "字" * 9,
]


def mutate(value: Any, draw: random.Random) -> Any:
    """The update with one thing in it changed, missing or repeated."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        key = draw.choice(list(value))
        changed = dict(value)
        if draw.random() < 0.15:
            del changed[key]
        else:
            changed[key] = mutate(changed[key], draw)
        return changed
    if isinstance(value, list) and value and draw.random() < 0.7:
        return [*value[1:], mutate(value[0], draw)]
    return draw.choice(ODD)
