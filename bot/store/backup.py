"""A backup: every table as plain rows, the sealed files, and a list of what belongs to it. The keys are never in it.

One form for both databases, so that a backup of one can be restored into the other. A folder `huiyin-TIME` holds
`manifest.json`, `tables/NAME.rows` and `files/…`. A `.rows` file is a sequence of blocks, each four bytes of length
(big-endian) and MessagePack: first the list of column names, then a list of values for each row, as the database keeps
them: what is sealed there stays sealed. The folder gets its name when everything in it has reached the disk.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, MetaData, Table, column, insert, table

from bot.disk import settle
from bot.errors import HuiyinError
from bot.store.leases import lease
from bot.store.schema import metadata

FORMAT = 1
PREFIX = "huiyin-"
MANIFEST = "manifest.json"
AT_ONCE = 2000  # rows
_PARTIAL = ".partial-"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


class Broken(HuiyinError):
    """The backup is not whole, or not one of this program's."""


class Part(Struct, frozen=True):
    """A file of the backup."""

    size: int
    sha256: str


class Manifest(Struct, frozen=True):
    """What a backup says of itself. `keys` is the fingerprint of the key file that opens it."""

    format: int
    version: str
    revision: str
    made_at: datetime
    keys: str
    rows: dict[str, int]
    parts: dict[str, Part]


def make(
    connection: Connection, files: Path, target: Path, *, now: datetime, version: str, revision: str, keys: str
) -> Path:
    """Writes a backup into `target` and returns its folder. The connection reads one unchanging state."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{PREFIX}{now:%Y%m%dT%H%M%SZ}"
    draft = target / f"{_PARTIAL}{name}"
    if (target / name).exists():
        raise Broken(f"{target / name} exists already")
    shutil.rmtree(draft, ignore_errors=True)
    (draft / "tables").mkdir(mode=0o700, parents=True)
    rows = {of.name: _dump(connection, of, draft / "tables" / f"{of.name}.rows") for of in tables()}
    _copy_files(files, draft / "files")
    parts = {str(path.relative_to(draft)): _part(path) for path in _files_in(draft)}
    manifest = Manifest(FORMAT, version, revision, now, keys, rows, parts)
    _write(draft / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    settle(draft)
    draft.rename(target / name)
    settle(target)
    return target / name


def tables() -> list[Table]:
    """Every table, those that others refer to first; leases belong to the processes of one database."""
    return [of for of in metadata.sorted_tables if of is not lease]


def forget_older(target: Path, keep: int) -> list[Path]:
    """Deletes all but the newest `keep` backups, and what killed ones left; the deleted ones."""
    whole = sorted(path for path in target.glob(f"{PREFIX}*") if (path / MANIFEST).is_file())
    gone = whole[: max(0, len(whole) - max(1, keep))]
    for path in [*gone, *target.glob(f"{_PARTIAL}*")]:
        shutil.rmtree(path)
    return gone


def read_manifest(backup: Path) -> Manifest:
    """Raises Broken where there is none."""
    if backup.name.startswith(_PARTIAL):  # whole or not: it ended before it got its name
        raise Broken(f"{backup}: no backup of this program, or one that was never finished")
    try:
        manifest = msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError):
        raise Broken(f"{backup}: no backup of this program, or one that was never finished") from None
    if manifest.format > FORMAT:
        raise Broken(f"{backup}: written by a newer version of this program")
    return manifest


def faults(backup: Path, manifest: Manifest) -> Iterator[str]:
    """What is missing, changed or added, one line each."""
    for name, part in manifest.parts.items():
        path = backup / name
        if not path.is_file():
            yield f"{name}: missing"
        elif _part(path) != part:
            yield f"{name}: changed"
    known = {*manifest.parts, MANIFEST}
    yield from (f"{name}: added" for path in _files_in(backup) if (name := str(path.relative_to(backup))) not in known)


def load(connection: Connection, backup: Path, manifest: Manifest) -> None:
    """Puts the rows into empty tables of the manifest's revision, inside the caller's transaction."""
    there = MetaData()
    for name in (of.name for of in tables() if of.name in manifest.rows):
        found = Table(name, there, autoload_with=connection, resolve_fks=False)
        columns, rows = read_rows(backup / "tables" / f"{name}.rows")
        if not set(columns) <= set(found.columns.keys()):
            raise Broken(f"{name}.rows: columns that this table does not have")
        for some in _batches(rows):
            connection.execute(insert(found), [dict(zip(columns, row, strict=True)) for row in some])


def restore_files(backup: Path, files: Path) -> None:
    """The sealed files, beside whatever lies there: they are named by their content."""
    if (backup / "files").is_dir():
        _copy_files(backup / "files", files)


def read_rows(path: Path) -> tuple[list[str], Iterator[list[Any]]]:
    """The names of the columns, and the rows one after another."""
    blocks = _blocks(path)
    return next(blocks), blocks


def snapshot(engine: Engine) -> Connection:
    """A connection whose reads all see one moment, however long they take."""
    connection = engine.connect()
    if connection.dialect.name == "postgresql":
        return connection.execution_options(isolation_level="REPEATABLE READ")
    connection.exec_driver_sql("BEGIN")
    return connection


def _dump(connection: Connection, of: Table, path: Path) -> int:
    """As the database keeps them: the columns without our types."""
    names = [str(column.name) for column in of.columns]
    plain = table(of.name, *map(column, names))
    ordered: Any = (column(key.name) for key in of.primary_key)
    statement: Any = plain.select().order_by(*ordered)
    count = 0
    with path.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        _put(file, names)
        for row in connection.execution_options(stream_results=True, max_row_buffer=AT_ONCE).execute(statement):
            _put(file, [bytes(value) if isinstance(value, memoryview) else value for value in row])
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count


def _put(file: BinaryIO, values: Sequence[Any]) -> None:
    block = _encode(values)
    file.write(len(block).to_bytes(4, "big") + block)


def _blocks(path: Path) -> Iterator[list[Any]]:
    with path.open("rb") as file:
        while head := file.read(4):
            block = file.read(int.from_bytes(head, "big"))
            try:
                yield _decode(block)
            except msgspec.MsgspecError:
                raise Broken(f"{path.name}: cut off or damaged") from None


def _batches(rows: Iterable[list[Any]]) -> Iterator[list[list[Any]]]:
    batch: list[list[Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _copy_files(source: Path, target: Path) -> None:
    """Every finished file; what was deleted meanwhile is left out."""
    for path in _files_in(source):
        copy = target / path.relative_to(source)
        if path.suffix == ".part" or copy.exists():
            continue
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write(copy, path.read_bytes())
        except FileNotFoundError:
            copy.unlink(missing_ok=True)


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def _part(path: Path) -> Part:
    with path.open("rb") as file:
        return Part(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
