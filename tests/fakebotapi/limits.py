"""How fast a bot may send: per second over all chats, per private chat and per group; it never delays anything.

The hosted server's exact figures are not published. Source of these: https://core.telegram.org/bots/faq
(My bot is hitting limits). What was refused does not count.
"""

import math
from collections import deque
from collections.abc import Callable

from tests.fakebotapi.chats import Chat
from tests.fakebotapi.refusals import too_many


class Limits:
    """Change the figures in place; `refused` counts the 429s."""

    def __init__(self, now: Callable[[], float], *, on: bool) -> None:
        self.on = on
        self.bulk = 30  # messages in any second
        self.paid = False  # a bot that may pay for more
        self.paid_bulk = 1000
        self.chat_rate = 1.0  # messages a second in a private chat, over longer
        self.chat_burst = 20  # how many ahead of that
        self.group_minute = 20  # messages in any minute
        self.refused = 0
        self._now = now
        self._all: deque[float] = deque()
        self._buckets: dict[int, tuple[float, float]] = {}  # how full, at what time
        self._groups: dict[int, deque[float]] = {}

    def charge(self, chat: Chat, *, messages: int = 1, paid: bool = False) -> None:
        """Counts messages about to be sent; raises Refusal 429 and then counts nothing."""
        if not self.on:
            return
        now = self._now()
        most = self.paid_bulk if paid and self.paid else self.bulk
        wait = max(self._bulk_wait(now, messages, most), self._chat_wait(chat, now, messages))
        if wait > 0:
            self.refused += 1
            raise too_many(max(1, math.ceil(wait)))
        self._all.extend([now] * messages)
        if chat.is_private:
            self._buckets[chat.id] = (self._level(chat.id, now) + messages, now)
        else:
            self._groups[chat.id].extend([now] * messages)

    def _bulk_wait(self, now: float, messages: int, most: int) -> float:
        return _window(self._all, now, 1.0, most, messages)

    def _chat_wait(self, chat: Chat, now: float, messages: int) -> float:
        if chat.is_private:
            over = self._level(chat.id, now) + messages - max(self.chat_burst, messages)
            return over / self.chat_rate if over > 1e-9 else 0.0
        return _window(self._groups.setdefault(chat.id, deque()), now, 60.0, self.group_minute, messages)

    def _level(self, chat: int, now: float) -> float:
        level, at = self._buckets.get(chat, (0.0, now))
        return max(0.0, level - (now - at) * self.chat_rate)


def _window(times: deque[float], now: float, seconds: float, most: int, messages: int) -> float:
    """How long until so many more fit into a sliding window."""
    while times and times[0] <= now - seconds:
        times.popleft()
    over = len(times) + messages - max(most, messages)
    return times[over - 1] + seconds - now if over > 0 else 0.0
