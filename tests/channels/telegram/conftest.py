"""What the tests of secrecy read: everything that any logger says."""

import io
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture
def everything_logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """All records of all loggers, unredacted; also of our own, which keep the level of their first use."""
    sink = io.StringIO()
    handler = logging.StreamHandler(sink)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root = logging.getLogger()
    before, ours = root.level, structlog.get_config()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    structlog.reset_defaults()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.PrintLoggerFactory(file=sink),
    )
    for name, module in list(sys.modules.items()):
        if name.startswith("bot.") and hasattr(module, "log"):
            monkeypatch.setattr(module, "log", structlog.get_logger())
    yield sink
    structlog.configure(**ours)
    root.removeHandler(handler)
    root.setLevel(before)
