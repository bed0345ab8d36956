"""No process outlives its test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.proof.nursery import nursery
from tests.proof.outside import end_all


@pytest.fixture(scope="session", autouse=True)
def births() -> Iterator[None]:
    with nursery.opened():
        yield


@pytest.fixture(autouse=True)
async def ended() -> AsyncIterator[None]:
    yield
    await end_all()
