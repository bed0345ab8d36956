"""The proofs in the sizes of every change; `make proof` runs them whole."""

import uuid
from pathlib import Path

import pytest

from bot.store.queues import Policy
from tests.postgres import a_database
from tests.proof import broken, cancelling, faulty, incoming, outgoing
from tests.proof.figure import Figure

pytestmark = [pytest.mark.sockets, pytest.mark.slow]


def missed(figures: list[Figure]) -> list[str]:
    return [str(figure) for figure in figures if not figure.holds]


@pytest.mark.parametrize("policy", [Policy.HOLD, Policy.RESEND])
async def test_messages_owed_come_through_deaths(tmp_path: Path, policy: Policy) -> None:
    assert missed(await outgoing.prove(tmp_path, policy, owed=400, kills=10)) == []


async def test_cancelled_callers_mix_nothing(tmp_path: Path, database_url: str) -> None:
    assert missed(await cancelling.prove(tmp_path, cancellations=1000, url=database_url)) == []


async def test_every_fault_ends_as_the_table_says(tmp_path: Path) -> None:
    assert missed(await faulty.prove(tmp_path)) == []


async def test_nothing_is_confirmed_before_it_is_committed(tmp_path: Path) -> None:
    assert missed(await incoming.prove_order(tmp_path, updates=1000)) == []


async def test_odd_updates_stop_nobody(tmp_path: Path) -> None:
    assert missed(await incoming.prove_odd(tmp_path, updates=20_000)) == []


async def test_a_locked_database_loses_nothing(tmp_path: Path) -> None:
    assert missed(await broken.prove(tmp_path, "locked", broken.locked(8), updates=200)) == []


async def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    assert missed(await broken.prove(tmp_path, "full", broken.full, updates=200)) == []


async def test_a_server_that_ends_connections_loses_nothing(tmp_path: Path, postgres: str) -> None:
    with a_database(postgres, f"k6{uuid.uuid4().hex}") as url:
        fault = broken.disconnected(postgres, times=100)
        assert missed(await broken.prove(tmp_path, "disconnected", fault, updates=200, database=url)) == []
