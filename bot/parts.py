"""Which parts of the work one process does. On a server they may be spread over processes and machines."""

from enum import StrEnum

from bot.errors import ConfigError


class Part(StrEnum):
    RECEIVE = "receive"  # what platforms hand over, into the inbox; one process per account
    DISPATCH = "dispatch"  # what waits there, and timers, into effects; as many as wished
    SEND = "send"  # what is owed, out to platforms; one process per account
    TICK = "tick"  # what comes by itself: the first moment of what recurs, and the jobs; as many as wished
    WEB = "web"  # the pages of the web chat, both ways; one process


ALL = frozenset(Part)


def read_parts(words: str | None) -> frozenset[Part]:
    """The parts in `receive,send`; all of them where nothing is said. Raises ConfigError."""
    if words is None:
        return ALL
    known = {part.value: part for part in Part}
    chosen = [word.strip() for word in words.split(",") if word.strip()]
    for word in chosen:
        if word not in known:
            raise ConfigError(f"--only: {word} is none of {', '.join(known)}")
    if not chosen:
        raise ConfigError(f"--only: name some of {', '.join(known)}")
    return frozenset(known[word] for word in chosen)
