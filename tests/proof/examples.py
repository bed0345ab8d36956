"""K15: anybody does anything, the process dies at any point, messages fail: the office equals the model throughout."""

import asyncio
import traceback
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.proof.figure import Figure, at_least, exactly
from tests.proof.machine import Office
from tests.proof.places import Place
from tests.proof.stage import light_starts
from tests.sample import read_once


async def prove(home: AbstractContextManager[Place], *, examples: int, steps: int) -> list[Figure]:
    """So many examples; the first difference ends it, and is shown with the steps that lead there."""
    differences = done = 0
    with home as place:
        try:
            done = await asyncio.to_thread(run, place, examples=examples, steps=steps)
        except Exception:
            traceback.print_exc()
            differences = 1
    return [
        at_least("K15", "steps", done, examples * steps),
        exactly("K15", "differences between the office and the model", differences, 0),
    ]


def run(place: Place, *, examples: int, steps: int, start: int = 1) -> int:
    """As many steps as so many whole examples have, always the same ones of one `start`; a difference raises.

    Hypothesis begins with the simplest example, which takes no step, and ends some early: they do not count as whole.
    """
    machine: Any = type("Office", (Office,), {"place": staticmethod(place), "steps": 0})
    rounds = count()
    with read_once(), light_starts():
        while (left := examples * steps - machine.steps) > 0:
            plan = settings(
                max_examples=1 + -(-left // steps), stateful_step_count=steps, derandomize=True, database=None,
                deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate],
            )  # fmt: skip
            run_state_machine_as_test(seed(f"{start} {next(rounds)}")(machine), settings=plan)
    return int(machine.steps)  # counted by the class above
