"""Deleting a talk on Telegram: by hundreds, one by one where one may not be, and never an error for what is gone."""

from typing import Any

import pytest

from bot.errors import NotSent, Refused
from tests.channels.telegram.tiny import RESET, channel_of, fails, serving

pytestmark = pytest.mark.sockets

DONE = {"ok": True, "result": True}
TOO_OLD = fails(400, "Bad Request: message can't be deleted for everyone")
NOT_FOUND = fails(400, "Bad Request: message to delete not found")


async def test_a_talk_goes_by_hundreds() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("deleteMessages", DONE, DONE)
        assert await channel.delete("4242", [str(number) for number in range(1, 151)])
        first, second = api.calls("deleteMessages")
        assert (first["chat_id"], len(first["message_ids"]), len(second["message_ids"])) == (4242, 100, 50)


async def test_what_is_no_message_of_this_platform_is_left_out() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("deleteMessages", DONE)
        assert await channel.delete("4242", ["7", "in12", "", "-3", "0"])
        assert api.calls("deleteMessages")[0]["message_ids"] == [7]
        assert await channel.delete("4242", ["in12"])


async def test_one_that_is_too_old_does_not_keep_the_others() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("deleteMessages", TOO_OLD)
        api.lay_down("deleteMessage", DONE, TOO_OLD, NOT_FOUND)
        assert not await channel.delete("4242", ["1", "2", "3"])
        assert [call["message_id"] for call in api.calls("deleteMessage")] == [1, 2, 3]


@pytest.mark.parametrize("fault", [RESET, fails(502, "Bad Gateway"), fails(429, "Too Many Requests: retry after 2")])
async def test_what_may_be_tried_again_is(fault: Any) -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("deleteMessages", fault)
        with pytest.raises(NotSent):
            await channel.delete("4242", ["1"])


async def test_who_has_blocked_the_bot_is_gone() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("deleteMessages", fails(403, "Forbidden: bot was blocked by the user"))
        with pytest.raises(Refused) as refused:
            await channel.delete("4242", ["1"])
        assert refused.value.gone
