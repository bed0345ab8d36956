"""No process outlives its test."""

from collections.abc import AsyncIterator

import pytest

from tests.proof.outside import end_all


@pytest.fixture(autouse=True)
async def ended() -> AsyncIterator[None]:
    yield
    await end_all()
