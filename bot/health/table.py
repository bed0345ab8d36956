"""A report as a short table for a terminal. It decides nothing."""

from typing import TextIO

from rich.console import Console
from rich.table import Table

from bot.health.report import Line, Report

NAMES = {
    "inbox": "came in, not handled",
    "inbox.set_aside": "came in, set aside",
    "outbox": "owed, not sent",
    "outbox.sending": "on its way",
    "outbox.uncertain": "perhaps arrived",
    "outbox.failed": "never arrived, 24 h",
    "timers": "due, not done",
    "timers.set_aside": "due, set aside",
    "jobs": "files and the like, waiting",
    "jobs.leased": "files and the like, at work",
    "jobs.failed": "files and the like, failed",
    "cases.open": "cases open",
    "cases.overdue": "cases overdue",
    "cases.unowned": "cases without an owner",
    "poll": "platform last answered",
    "rival": "another program took its updates",
    "receive": "nothing can be stored",
    "flood": "over the limit of a chat",
    "writer": "writer: waiting, at work for",
    "loops": "loops that failed",
    "disk": "disk, free",
    "disk.files": "disk too full for files",
    "disk.messages": "disk too full for messages",
    "wal": "write-ahead log",
    "database": "database cannot be read",
    "office": "office ended without being stopped",
}


def show(report: Report, out: TextIO) -> None:
    """The table, and below it in words what is over its limit."""
    console = Console(file=out, highlight=False)
    console.print(_head(report), soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("what")
    table.add_column("of", overflow="fold")
    for name in ("count", "oldest", "limit", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for line in report.lines:
        if not line.count and not line.over and line.limit is None:
            continue
        style = "bold red" if line.over else "yellow" if line.news else None
        table.add_row(NAMES.get(line.name, line.name), line.of, _count(line), _age(line), _limit(line),
                      f"OVER {line.name}" if line.over else "new" if line.news else "", style=style)  # fmt: skip
    console.print(table)
    console.print(
        "Nothing is over its limit." if report.ok else f"Over its limit: {', '.join(report.names)}.", soft_wrap=True
    )


def _head(report: Report) -> str:
    schema = f"schema {report.revision or 'unknown'}"
    if report.source == "office":
        return f"The office is running: run {report.epoch}, up for {_span(report.uptime or 0)}, {schema}."
    if report.processes:
        return f"{report.processes} processes share this office's work: run {report.epoch}, {schema}."
    return f"No office is running; this is what its database says after run {report.epoch}, {schema}."


def _count(line: Line) -> str:
    if line.bytes is not None:
        return _size(line.bytes)
    return "" if line.count is None else str(line.count)


def _age(line: Line) -> str:
    return "" if line.seconds is None else _span(line.seconds)


def _limit(line: Line) -> str:
    if line.limit is None:
        return ""
    if line.bytes is not None:
        return _size(line.limit)
    return _span(line.limit) if line.name != "loops" else "0"


def _size(size: float) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def _span(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 3 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
