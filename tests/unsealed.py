"""What stands in a sealed value, for whoever holds all of an office's keys."""

from bot.sealing import Keys, SealBroken

PURPOSES = (b"title", b"place", b"entry", b"file name", b"conversation", b"outbox", b"inbox", b"job", b"web message",
            b"chat", b"name")  # fmt: skip


def opened(keys: Keys, value: bytes) -> str:
    """Of a value that is not sealed, what stands there openly."""
    for sealer in (keys.content, keys.identity):
        for purpose in PURPOSES:
            try:
                return sealer.open(value, purpose).decode("utf-8", "replace")
            except SealBroken:
                continue
    return value.decode("utf-8", "replace")
