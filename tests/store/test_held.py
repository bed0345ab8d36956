"""Messages that wait for somebody's word, where two people say it at once."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.store import held
from bot.store.queues import Policy
from bot.store.transaction import Transaction
from tests.store.post import Post


@pytest.mark.parametrize("act", [lambda tx: held.release(tx, None), lambda tx: held.drop(tx, [])])
def test_what_another_terminal_has_released_meanwhile_is_left_alone(
    post: Post, act: Callable[[Transaction], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server two writers may have read the same list before either wrote."""
    id_ = post.owes("one", policy=Policy.HOLD)
    post.writer.run(held.hold_all)
    read_before = post.writer.run(lambda tx: held._uncertain(tx, None))
    post.writer.run(lambda tx: held.release(tx, None))
    (row,) = post.takes()
    monkeypatch.setattr(held, "_uncertain", lambda _tx, _ids: read_before)
    assert post.writer.run(act) == []
    assert (row.id, post.state(id_), post.takes()) == (id_, "sending", [])
