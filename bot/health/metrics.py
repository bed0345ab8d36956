"""Counters and figures in Prometheus' text format, written by hand: it is a dozen lines.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bot.delivery.dispatcher import Dispatcher
from bot.delivery.jobs import Worker
from bot.delivery.receiver import Receiver
from bot.delivery.sender import Sender
from bot.health.report import Line, Report

TYPE = "text/plain; version=0.0.4; charset=utf-8"

HELP = {
    "updates_received_total": "Updates stored, those that came twice included.",
    "updates_handled_total": "Updates and timers whose effects are committed.",
    "updates_set_aside_total": "Updates and timers set aside after three tries.",
    "batches_total": "Transactions of the dispatcher.",
    "handling_seconds_total": "Time spent inside the dispatcher's transactions.",
    "messages_sent_total": "Messages that arrived.",
    "messages_failed_total": "Messages that will never arrive.",
    "messages_uncertain_total": "Tries of which nobody knows whether they arrived.",
    "send_seconds_total": "Time spent waiting for platforms to take messages.",
    "flood_drops_total": "Updates over the limit of their chat.",
    "job_failures_total": "Jobs that ended without success.",
    "rows": "Rows that wait or went wrong, by kind.",
    "oldest_seconds": "How long the oldest has waited, by kind.",
    "bytes": "Free on the disk, and in the write-ahead log.",
    "over_limit": "1 where this kind is over its limit.",
    "healthy": "1 where nothing is over its limit.",
    "uptime_seconds": "Time since this run began.",
    "run_epoch": "The number of this run.",
    "info": "The revision of the schema.",
}


class Sample(NamedTuple):
    name: str
    labels: Mapping[str, str]
    value: float


def counted(
    receivers: Mapping[str, Receiver], senders: Mapping[str, Sender], dispatcher: Dispatcher, worker: Worker
) -> list[Sample]:
    """The plain numbers that the loops keep, as they are now."""
    samples = [
        Sample("updates_handled_total", {}, dispatcher.handled),
        Sample("updates_set_aside_total", {}, dispatcher.set_aside),
        Sample("batches_total", {}, dispatcher.batches),
        Sample("handling_seconds_total", {}, dispatcher.handling_seconds),
        Sample("job_failures_total", {}, worker.failed),
    ]
    for channel, receiver in receivers.items():
        samples.append(Sample("updates_received_total", {"channel": channel}, receiver.received))
        dropped = receiver.flood.dropped if receiver.flood is not None else 0
        samples.append(Sample("flood_drops_total", {"channel": channel}, dropped))
    for channel, sender in senders.items():
        labels = {"channel": channel}
        samples += [
            Sample("messages_sent_total", labels, sender.sent),
            Sample("messages_failed_total", labels, sender.failed),
            Sample("messages_uncertain_total", labels, sender.uncertain),
            Sample("send_seconds_total", labels, sender.send_seconds),
        ]
    return samples


def exposition(report: Report, counts: list[Sample]) -> str:
    """Everything as text, each name with its help and type once."""
    by_name: dict[str, list[Sample]] = {}
    for sample in (*counts, *_gauges(report)):
        by_name.setdefault(sample.name, []).append(sample)
    lines = []
    for name, samples in sorted(by_name.items()):
        kind = "counter" if name.endswith("_total") else "gauge"
        lines += [f"# HELP huiyin_{name} {HELP[name]}", f"# TYPE huiyin_{name} {kind}"]
        lines += [f"huiyin_{name}{_labels(sample.labels)} {_number(sample.value)}" for sample in samples]
    return "\n".join(lines) + "\n"


def _gauges(report: Report) -> Iterator[Sample]:
    yield Sample("healthy", {}, int(report.ok))
    yield Sample("run_epoch", {}, report.epoch)
    yield Sample("info", {"revision": report.revision}, 1)
    if report.uptime is not None:
        yield Sample("uptime_seconds", {}, report.uptime)
    for line in report.lines:
        labels = _labelled(line)
        if line.count is not None and line.name != "flood":
            yield Sample("rows", labels, line.count)
        if line.seconds is not None:
            yield Sample("oldest_seconds", labels, line.seconds)
        if line.bytes is not None:
            yield Sample("bytes", labels, line.bytes)
        if line.limit is not None or line.over:
            yield Sample("over_limit", labels, int(line.over))


def _labelled(line: Line) -> dict[str, str]:
    """Only channels and lanes become labels: the failing loops would make a series for each combination."""
    return {"kind": line.name} | ({"of": line.of} if line.of and line.name != "loops" else {})


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _number(value: float) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
