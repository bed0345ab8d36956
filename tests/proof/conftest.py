"""No process outlives its test."""

import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.proof.outside import alive


@pytest.fixture(autouse=True)
async def ended() -> AsyncIterator[None]:
    yield
    while alive:
        process = alive.pop()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
