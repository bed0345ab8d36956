"""Who people are, sealed: chat ids and names.

`office.people` opens names; the sender, the menus and the upkeep open chat ids, each where it calls the platform; the
house makes the one there is and hands it on. `tests/test_floors.py` holds that nobody else does.
"""

from bot.sealing import Sealer

_CHAT = b"chat"
_NAME = b"name"


class Identity:
    """Opens and closes what tells who somebody is."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal_chat(self, chat: str) -> bytes:
        return self._sealer.seal(chat.encode(), _CHAT)

    def open_chat(self, sealed: bytes) -> str:
        return self._sealer.open(sealed, _CHAT).decode()

    def seal_name(self, name: str) -> bytes:
        return self._sealer.seal(name.encode("utf-8", "replace"), _NAME)

    def open_name(self, sealed: bytes) -> str:
        return self._sealer.open(sealed, _NAME).decode()
