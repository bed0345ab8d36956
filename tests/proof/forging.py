"""T3: presses that were never shown, by people who may not: nothing changes, nothing is shown."""

from pathlib import Path

from tests.handlers.test_forged import OTHERS, STRANGERS, attacked
from tests.proof.figure import Figure, at_least, exactly
from tests.rig import Town


async def prove(folder: Path, presses: int) -> list[Figure]:
    """Random, flipped by a bit, and other people's own buttons, a third each."""
    town = await Town(folder, f"sqlite:///{folder}/huiyin.db").open()
    try:
        pressed, changed = await attacked(town, -(-presses // (3 * (STRANGERS + OTHERS))))
    finally:
        await town.close()
    return [
        at_least("T3", "forged presses", pressed, presses),
        exactly("T3", "unauthorised effects", len(changed), 0),
    ]
