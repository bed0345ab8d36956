"""The command line. It reads settings, builds what a command needs, tells faults in a line."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from bot.errors import ConfigError, StoreError

app = typer.Typer(
    name="huiyin",
    help="Huiyin: a chat-bot for local offices. Every message gets an answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings; without it config.toml, if there is one, else the defaults."
    ),
]


@app.callback()
def common(context: typer.Context, config: Config = None) -> None:
    """Options before the verb count for it too."""
    context.obj = config


def _settings(context: typer.Context, config: Path | None) -> Any:
    from bot.config import read_settings

    path = config or context.obj
    if path is None and Path("config.toml").exists():
        path = Path("config.toml")
    return read_settings(path)


@app.command()
def run(
    context: typer.Context,
    config: Config = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="PARTS",
            help="This process's share of the work, of receive,dispatch,send,tick,web; on PostgreSQL alone.",
        ),
    ] = None,
) -> None:
    """Run the bot: Telegram if it is configured, and the web chat."""
    gc.disable()  # nearly nothing that the start makes goes away again; the app turns it on
    from bot.logs import set_up_logs
    from bot.parts import read_parts
    from bot.running import run_office

    settings, parts = _settings(context, config), read_parts(only)
    set_up_logs()
    _in_loop(lambda: run_office(settings, parts))


@app.command()
def chat(
    context: typer.Context,
    config: Config = None,
    who: Annotated[str, typer.Option(help="Whom you play: any word is a person of its own.")] = "resident",
    role: Annotated[str | None, typer.Option(help="Play an official with this role.")] = None,
    department: Annotated[str | None, typer.Option(help="The official's department.")] = None,
) -> None:
    """Talk to the bot in this terminal, over the database of the settings."""
    from bot.logs import set_up_logs
    from bot.terminal import talk

    settings = _settings(context, config)
    set_up_logs(level="error")
    _in_loop(lambda: talk(settings, who, role, department))


@app.command()
def invite(
    context: typer.Context,
    role: Annotated[str, typer.Option(help="handler, dispatcher, intake, head, supervisor, …")],
    department: Annotated[str | None, typer.Option(help="Its slug; without it, the whole office.")] = None,
    config: Config = None,
) -> None:
    """Print a link with which one official joins; for one use, seven days."""
    settings = _settings(context, config)
    for line in asyncio.run(_asked(settings, {"do": "invite", "role": role, "department": department})):
        typer.echo(line)


@app.command()
def check(context: typer.Context, config: Config = None) -> None:
    """Check settings and content without starting anything."""
    from bot.checking import check_everything

    settings = _settings(context, config)
    for line in check_everything(settings):
        typer.echo(line)


@app.command()
def status(
    context: typer.Context,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show what waits, for how long, and what is over its limit; then the exit code is 1."""
    from bot.running import how_it_stands

    report = asyncio.run(how_it_stands(_settings(context, config)))
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        from bot.health.table import show

        show(report, sys.stdout)
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def backup(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where backups are kept; each gets a folder of its own.")],
    keep: Annotated[int | None, typer.Option(min=1, help="Delete all but the newest so many.")] = None,
    config: Config = None,
) -> None:
    """Write a backup: database and files, never the keys. The office may run meanwhile."""
    from bot.keeping import back_up

    _echo(lambda: back_up(_settings(context, config), folder, keep))


@app.command()
def verify(
    context: typer.Context,
    backup: Annotated[Path | None, typer.Argument(help="A backup; without one, the database in use.")] = None,
    config: Config = None,
) -> None:
    """Check a backup, or the database in use: every file, every case's chain of acts; exit code 1 for a fault."""
    from bot.keeping import verify as look

    found = _faultless(lambda: look(_settings(context, config), backup))
    for line in found or ["no faults found"]:
        typer.echo(line)
    raise typer.Exit(1 if found else 0)


@app.command()
def restore(
    context: typer.Context,
    backup: Annotated[Path, typer.Argument(help="A backup's folder.")],
    replace: Annotated[bool, typer.Option("--replace", help="Move the database that is there aside.")] = False,
    config: Config = None,
) -> None:
    """Bring a backup back. What was owed then is held until `huiyin outbox` releases it."""
    from bot.keeping import restore as bring_back

    _echo(lambda: bring_back(_settings(context, config), backup, replace=replace))


@app.command("copy-database")
def copy_database(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="URL", help="An empty database: postgresql://… or sqlite:///…")],
    config: Config = None,
) -> None:
    """Copy everything into an empty database, of either kind, and compare it row by row. Nothing may run meanwhile."""
    from bot.moving import copy_database as copy

    _echo(lambda: copy(_settings(context, config), to))


@app.command()
def outbox(
    context: typer.Context,
    release: Annotated[list[str] | None, typer.Option(metavar="ID|all", help="Send once more.")] = None,
    drop: Annotated[list[str] | None, typer.Option(metavar="ID", help="Never send.")] = None,
    config: Config = None,
) -> None:
    """List messages that perhaps arrived, failed, or are held after a restore; release or drop them."""
    if release and drop:
        raise ConfigError("--release and --drop: one of them at a time")
    verb, words = ("release", release) if release else ("drop", drop) if drop else ("list", [])
    if not all(word.isdecimal() or (word == "all" and verb == "release") for word in words or []):
        raise ConfigError(f"--{verb}: the numbers of the list are needed")
    ids = None if "all" in (words or []) else [int(word) for word in words or []]
    for line in asyncio.run(_asked(_settings(context, config), {"do": "outbox", "verb": verb, "ids": ids})):
        typer.echo(line)


def _echo(act: Callable[[], list[str]]) -> None:
    for line in _faultless(act):
        typer.echo(line)


def _faultless(act: Callable[[], list[str]]) -> list[str]:
    """A broken backup, or a folder that cannot be used, is a fault of what was named, as a broken setting is."""
    from sqlalchemy.exc import DBAPIError

    from bot.store.backup import Broken

    try:
        return act()
    except Broken as error:
        raise ConfigError(str(error)) from None
    except OSError as error:
        raise ConfigError(f"{error.filename or 'a file'}: {error.strerror}") from None
    except DBAPIError as error:
        raise ConfigError(f"database.url: {str(error.orig).splitlines()[0]}") from None


async def _asked(settings: Any, question: dict[str, Any]) -> list[str]:
    """The running office's answer; without one, the database is opened for this one question."""
    from bot.control import NobodyThere, ask
    from bot.running import answer_alone

    try:
        return await ask(settings, question)
    except NobodyThere:
        return await answer_alone(settings, question)


def _in_loop(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with suppress(ImportError):  # not on every system
        from uvloop import new_event_loop

        factory = new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


def main() -> NoReturn:
    """Faults of settings and content: one line that names them, exit code 2."""
    try:
        app(standalone_mode=True)
    except ConfigError as error:
        print(f"huiyin: {error}", file=sys.stderr)
        sys.exit(2)
    except StoreError as error:
        print(f"huiyin: the database does not answer: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(0)
