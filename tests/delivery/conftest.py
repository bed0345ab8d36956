"""Fixtures: the loops between a scripted desk and a scripted channel, on a real database."""

import pytest

from bot.delivery.sender import Sender
from bot.ids import Ids
from bot.store.writer import Writer
from tests.delivery.stage import Stage
from tests.rig import FakeClock
from tests.store.conftest import clock, ids, url, writer  # noqa: F401  the same databases


@pytest.fixture
def stage(writer: Writer, clock: FakeClock, ids: Ids) -> Stage:  # noqa: F811  pytest hands them in by these names
    return Stage(writer, clock, ids)


@pytest.fixture
def sender(stage: Stage) -> Sender:
    return stage.a_sender()
