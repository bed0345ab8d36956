"""Fixtures: an office that looks at itself."""

from collections.abc import AsyncIterator

import pytest

from tests.health.stage import Ward
from tests.rig import Town


@pytest.fixture
async def ward(town: Town) -> AsyncIterator[Ward]:
    yield Ward(town)
    await town.app.stop_looking()
