"""Logs that an operator can read: constant event names with fields, never texts, names or tokens."""

import logging
import re
import sys
from typing import Any

import structlog

_TOKEN = re.compile(r"\d{6,}(?::|%3[Aa])[A-Za-z0-9_-]{30,}")
_FORMATTER = logging.Formatter()


def redact(words: str) -> str:
    """The words without anything that looks like a bot token."""
    return _TOKEN.sub("<token>", words)


def redact_event(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The same for every field of an event, whoever put it in; it belongs behind what formats exceptions."""
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


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


def set_up_logs(level: str = "info") -> None:
    """One line an event on standard error; libraries only speak from warnings up."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            _brief_error,
            redact_event,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Redacting())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _brief_error(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An exception as the place where it arose: its message may hold people's words."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        trace = error.__traceback__
        places = []
        while trace is not None:
            code = trace.tb_frame.f_code
            places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
            trace = trace.tb_next
        event["at"] = " ".join(places[-4:])
    return event
