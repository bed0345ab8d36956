"""Who people are, sealed: chat ids, names, phones. Imported by office.people and the sender alone."""

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
