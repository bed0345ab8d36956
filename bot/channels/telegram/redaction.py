"""Keeps bot tokens out of logs; it never changes anything but the words of a log record."""

import logging
import re
from typing import Any

_TOKEN = re.compile(r"\d{6,}(?::|%3[Aa])[A-Za-z0-9_-]{30,}")
_FORMATTER = logging.Formatter()


def redact(words: str) -> str:
    """The words without anything that looks like a bot token."""
    return _TOKEN.sub("<token>", words)


class Redacting(logging.Filter):
    """Belongs on every handler: a filter on a logger is not asked for its children's records."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not isinstance(record.msg, dict):  # a dictionary is structlog's; `redact_event` has seen it
            record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = _FORMATTER.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True


def redact_event(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """The same as a structlog processor; it belongs behind the one that formats exceptions."""
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}
