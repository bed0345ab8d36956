"""The proofs in the sizes of every change; `make proof` runs them whole."""

import re
import uuid
from pathlib import Path

import pytest

import bot
from bot.store.queues import Policy
from tests.postgres import a_database
from tests.proof import (
    broken,
    cancelling,
    clocks,
    doubled,
    dying,
    examples,
    faulty,
    firing,
    incoming,
    mailing,
    outgoing,
    places,
    promoting,
    restoring,
    several,
    soaking,
    takeover,
    timers,
    upgrading,
)
from tests.proof.figure import Figure

pytestmark = [pytest.mark.sockets, pytest.mark.slow]


def missed(figures: list[Figure]) -> list[str]:
    """Those that hang on the machine are held against their limits by `make proof` alone."""
    return [str(figure) for figure in figures if not figure.holds and not figure.timed]


async def test_updates_come_through_deaths_at_random_moments(tmp_path: Path) -> None:
    """The points left out here are passed one by one in test_kills.py."""
    rare = ("data written", "wipe", "after deletion")
    assert missed(await dying.prove(tmp_path, kills=20, points=rare)) == []


def test_every_point_that_the_program_names_is_died_at() -> None:
    sources = [path.read_text("utf-8") for path in Path(bot.__file__).parent.rglob("*.py")]
    named = {name for source in sources for name in re.findall(r'failpoint\("([^"]+)"\)', source)}
    assert named == set(dying.POINTS)


@pytest.mark.parametrize("policy", [Policy.HOLD, Policy.RESEND])
async def test_messages_owed_come_through_deaths(tmp_path: Path, policy: Policy) -> None:
    assert missed(await outgoing.prove(tmp_path, policy, owed=900, kills=30)) == []


async def test_a_notice_to_many_comes_through_deaths(tmp_path: Path) -> None:
    assert missed(await mailing.prove(tmp_path, people=150, kills=3)) == []


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
        assert missed(await broken.prove(tmp_path, "disconnected", fault, updates=200, database=url, whole=False)) == []


async def test_timers_fire_once_beside_deaths_and_standstills(tmp_path: Path, postgres: str) -> None:
    with a_database(postgres, f"k10{uuid.uuid4().hex}") as url:
        figures = await timers.prove(tmp_path, database=url, timers=600, span=5, workers=3, kills=3, stops=2)
    assert missed(figures) == []


async def test_timers_speak_once_beside_deaths_of_the_offices_own_processes(tmp_path: Path, postgres: str) -> None:
    """The sender dies in the whole proof: what may have arrived by it waits for a minute."""
    with a_database(postgres, f"k10p{uuid.uuid4().hex}") as url:
        figures = await firing.prove(tmp_path, url, people=60, dispatchers=2, span=2, kills=2, stops=1, immortal="send")
        assert missed(figures) == []


async def test_an_upgrade_comes_through_deaths(tmp_path: Path) -> None:
    assert missed(await upgrading.prove(tmp_path, cases=500, kills=4)) == []


async def test_four_dispatchers_keep_every_chats_order(tmp_path: Path, postgres: str) -> None:
    with a_database(postgres, f"p4{uuid.uuid4().hex}") as url:
        assert missed(await several.prove(tmp_path, url, chats=36, events=1000, processes=4)) == []


async def test_whoever_holds_the_leases_is_followed_by_another(tmp_path: Path, postgres: str) -> None:
    with a_database(postgres, f"k13{uuid.uuid4().hex}") as url:
        assert missed(await takeover.prove(tmp_path, url)) == []


@pytest.mark.parametrize("start", range(4))
def test_the_office_equals_a_small_model(start: int) -> None:
    with places.files() as place:
        assert examples.run(place, examples=50, steps=30, start=start) >= 50 * 30


@pytest.mark.parametrize("start", range(4))
def test_the_office_equals_a_small_model_on_a_server(postgres: str, start: int) -> None:
    """Others than on files: the two need not meet the same."""
    with places.databases(postgres) as place:
        assert examples.run(place, examples=50, steps=30, start=4 + start) >= 50 * 30


async def test_what_was_owed_before_a_restore_waits_for_a_word(tmp_path: Path) -> None:
    assert missed(await restoring.prove(tmp_path, owed=400)) == []


async def test_a_second_office_at_one_token_is_told_of(tmp_path: Path) -> None:
    assert missed(await doubled.prove_rivals(tmp_path, look_every=1)) == []


async def test_a_second_process_on_one_file_is_refused(tmp_path: Path) -> None:
    assert missed(await doubled.prove_one_file(tmp_path)) == []


async def test_two_offices_on_one_server_send_once(tmp_path: Path, postgres: str) -> None:
    with a_database(postgres, f"k13s{uuid.uuid4().hex}") as url:
        assert missed(await doubled.prove_one_server(tmp_path, database=url, owed=200)) == []


async def test_an_absence_is_made_up_for_once_and_late(tmp_path: Path) -> None:
    assert missed(await clocks.prove_absence(tmp_path, cases=6)) == []


async def test_jumps_of_the_clock_tell_no_morning_twice(tmp_path: Path) -> None:
    assert missed(await clocks.prove_jumps(tmp_path, days=6)) == []


async def test_a_day_made_free_is_free(tmp_path: Path) -> None:
    assert missed(await clocks.prove_holidays(tmp_path)) == []


def test_each_change_of_the_clocks_leaves_one_morning_and_one_night_a_day() -> None:
    assert missed(clocks.prove_zones()) == []


async def test_a_file_that_cannot_be_written_loses_nothing(tmp_path: Path) -> None:
    assert missed(await broken.prove(tmp_path, "read-only", broken.read_only, updates=200)) == []


async def test_a_server_that_cannot_be_written_loses_nothing(tmp_path: Path, postgres: str) -> None:
    with a_database(postgres, f"k6r{uuid.uuid4().hex}") as url:
        fault = broken.read_only_server(postgres)
        assert missed(await broken.prove(tmp_path, "read-only server", fault, updates=200, database=url)) == []


async def test_a_server_that_is_away_loses_nothing(tmp_path: Path, postgres: str) -> None:
    with a_database(postgres, f"k6s{uuid.uuid4().hex}") as url:
        fault = broken.stopped(postgres, seconds=2)
        assert missed(await broken.prove(tmp_path, "stopped", fault, updates=200, database=url)) == []


async def test_a_standby_that_takes_the_servers_place_has_what_was_confirmed(tmp_path: Path, postgres: str) -> None:
    assert missed(await promoting.prove(tmp_path, postgres, times=1, people=20, each=2, away=0)) == []


async def test_the_machinery_of_the_long_run_works(tmp_path: Path) -> None:
    """Only that: what grows shows in hours, and `make proof` takes them."""
    assert missed(await soaking.prove(tmp_path, minutes=0.25, backups=1)) == []
