"""The fake server in a process of its own, driven from this one; it knows no rule and waits only where asked to.

with launched("--no-limits") as fake:
    alice = fake.person("Alice")
    alice.says("楼道灯坏了")
    assert "收到" in alice.sees("收到")["shown"]
"""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds for one answer
_open = build_opener(ProxyHandler({})).open


class Remote:
    """Where to find it: `base_url` and `base_file_url` for the bot, `control_url` for us."""

    def __init__(self, control_url: str, base_url: str = "", base_file_url: str = "", token: str = "") -> None:
        self.control_url = control_url
        self.base_url = base_url
        self.base_file_url = base_file_url
        self.token = token

    def person(self, name: str, **more: Any) -> "RemotePerson":
        made = self.post(f"/person/{quote(name)}", **more)
        return RemotePerson(self, name, made["id"])

    def screen(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/screen/{quote(name)}")
        return found

    def group(self, title: str, **how: Any) -> int:
        """Makes the group; gives its id."""
        return int(self.post(f"/group/{quote(title)}", **how)["id"])

    def in_group(self, title: str, verb: str, **arguments: Any) -> Any:
        return self.post(f"/group/{quote(title)}/{verb}", **arguments)

    def fault(self, kind: str, **how: Any) -> None:
        self.post("/fault", kind=kind, **how)

    def clear_faults(self) -> None:
        self.post("/fault/clear")

    def burst(self, updates: int, people: int = 1, rate: float = 0.0, **more: Any) -> list[int]:
        """Comes back when the last update is queued."""
        body = {"updates": updates, "people": people, "rate": rate, **more}
        request = Request(f"{self.control_url}/burst", data=json.dumps(body).encode(), method="POST")
        found: list[int] = self._asked(request, PATIENCE + (updates / rate if rate else 0.0))
        return found

    def play(self, script: Sequence[Sequence[Any]], people: int = 0, rate: float = 0.0) -> int:
        """Comes back when the last step is done; gives the number of the journal's last entry before."""
        body = {"script": script, "people": people, "rate": rate}
        request = Request(f"{self.control_url}/play", data=json.dumps(body, default=_base64).encode(), method="POST")
        return int(self._asked(request, PATIENCE + (len(script) / rate if rate else 0.0)))

    def journal(self, after: int = 0, **wanted: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/journal?" + urlencode({"after": after, **wanted}))
        return found

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/state")
        return found

    def get(self, path: str) -> Any:
        return self._asked(Request(self.control_url + path))

    def post(self, path: str, **arguments: Any) -> Any:
        body = json.dumps(arguments, default=_base64).encode()
        return self._asked(Request(self.control_url + path, data=body, method="POST"))

    def _asked(self, request: Request, patience: float = PATIENCE) -> Any:
        try:
            with _open(request, timeout=patience) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            with error:
                words = json.loads(error.read() or b"{}").get("error", error.reason)
        raise AssertionError(words)


class RemotePerson:
    """Every verb of acts.py and people.py by its name, with arguments by name; what comes back is JSON."""

    def __init__(self, remote: Remote, name: str, id: int) -> None:
        self._remote = remote
        self.name = name
        self.id = id

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        if verb.startswith("_"):
            raise AttributeError(verb)
        first = {"says": "text", "sees": "part", "presses": "label", "taps": "label", "starts": "payload"}.get(verb)

        def act(*words: Any, **arguments: Any) -> Any:
            if words:
                arguments[first or "message"] = words[0]
            return self._remote.post(f"/person/{quote(self.name)}/{verb}", **arguments)

        return act

    @property
    def screen(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._remote.screen(self.name)["screen"]
        return found


@contextmanager
def launched(*options: str) -> Iterator[Remote]:
    """A server process with these options of the command line, gone at the end."""
    command = [sys.executable, "-m", "tests.fakebotapi", "--control", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield Remote(**json.loads(process.stdout.readline()))
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _base64(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    raise TypeError(type(value).__name__)
