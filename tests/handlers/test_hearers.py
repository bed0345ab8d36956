"""A case that many hear of: each reads the card in their own language, and each one more costs one statement."""

from itertools import pairwise

import pytest
from sqlalchemy import Connection

from bot.office.people.model import Role
from bot.store import prepared, transaction
from tests.handlers.talks import registered
from tests.rig import Town

LAMP = "幸福里3号楼2单元的灯坏了"


async def test_colleagues_read_the_same_card_in_their_own_language(town: Town) -> None:
    zhou = await town.official("zhou", Role.HANDLER, "xingfuli")
    li = await town.official("li", Role.HANDLER, "xingfuli")
    ann = await town.official("ann", Role.HANDLER, "xingfuli", language="en")
    _wang, number = await registered(town, LAMP)
    assert zhou.last.text == li.last.text
    assert number in zhou.last.text
    assert ann.last.text.startswith("New\n")
    assert number in ann.last.text
    assert "Take" in ann.last.labels
    assert "Take" not in zhou.last.labels


async def test_one_more_who_hears_of_a_case_costs_one_statement(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[str] = []

    def counted(connection: Connection, sql: str, *args: object, **kwargs: object) -> object:
        if sql.startswith(("SELECT", "WITH")):
            run.append(sql)
        return execute(connection, sql, *args, **kwargs)  # type: ignore[arg-type]  # handed on as it came

    async def reads_of_one_registration() -> int:
        run.clear()
        await registered(town, LAMP, chat=f"resident {len(run_each)}")
        return len(run)

    execute = prepared.execute
    monkeypatch.setattr(prepared, "execute", counted)
    monkeypatch.setattr(transaction, "execute", counted)
    run_each: list[int] = []
    for more in range(3):
        await town.official(f"colleague {more}", Role.HANDLER, "xingfuli")
        run_each.append(await reads_of_one_registration())
    assert [after - before for before, after in pairwise(run_each)] == [1, 1]
