"""Statements compiled once, then handed to the driver as they are: the same Core, a tenth of its cost.

SQLAlchemy builds, looks up and wraps every execution anew, which costs more than SQLite takes to answer. What runs for
every event is prepared here; what runs seldom goes through the connection as usual. It decides nothing.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from sqlalchemy import BindParameter, Connection, Dialect, Float
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Process = Callable[[Any], Any]
Params = Mapping[str, Any]


class Prepared:
    """One Core statement. `columns` names what an insert fills; a list for an `IN` may have any length but none."""

    def __init__(self, statement: Any, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = list(columns) if columns is not None else None
        self._forms: dict[tuple[str, tuple[int, ...]], _Form] = {}
        self._lists: tuple[str, ...] | None = None

    def rows(self, connection: Connection, params: Params | None = None) -> list[Any]:
        """Everything that the statement returns, as tuples with names."""
        form, values = self._filled(connection, params or {})
        cursor = execute(connection, form.sql, values)
        try:
            found = cursor.fetchall()
        finally:
            cursor.close()
        return form.read(found)

    def run(self, connection: Connection, params: Params | None = None) -> int:
        """How many rows the statement changed."""
        form, values = self._filled(connection, params or {})
        cursor = execute(connection, form.sql, values)
        count = int(cursor.rowcount)
        cursor.close()
        return count

    def run_many(self, connection: Connection, rows: Sequence[Params]) -> int:
        """The same for many rows at once, each with the same names."""
        form = self._form(connection.dialect, ())
        values = [form.fill(row) for row in rows]
        if not values:
            return 0
        cursor = execute(connection, form.sql, values, many=True)
        count = int(cursor.rowcount)
        cursor.close()
        return count

    def _filled(self, connection: Connection, params: Params) -> "tuple[_Form, Any]":
        """The form for lists of these lengths, and the values in it."""
        if self._lists is None:
            self._form(connection.dialect, ())
        if not self._lists:
            form = self._form(connection.dialect, ())
            return form, form.fill(params)
        padded = {name: _padded(list(params[name])) for name in self._lists}
        form = self._form(connection.dialect, tuple(len(padded[name]) for name in self._lists))
        return form, form.fill({**params, **padded})

    def _form(self, dialect: Dialect, sizes: tuple[int, ...]) -> "_Form":
        key = (dialect.name, sizes)
        form = self._forms.get(key)
        if form is None:
            form = self._forms[key] = self._compiled(dialect, sizes)
        return form

    def _compiled(self, dialect: Dialect, sizes: tuple[int, ...]) -> "_Form":
        statement = self._statement(dialect.name) if callable(self._statement) else self._statement
        spelt = visitors.replacement_traverse(statement, {}, partial(_spelt_out, dialect))
        compiled: SQLCompiler = spelt.compile(dialect=dialect, column_keys=self._columns)
        fixed = compiled.literal_execute_params
        binds = {name: bind for bind, name in compiled.bind_names.items() if bind not in fixed}
        lists = tuple(sorted(name for name, bind in binds.items() if bind.expanding and bind.required))
        self._lists = lists
        required: dict[str, Any] = {name: None for name, bind in binds.items() if bind.required}
        places = {name: [0] * size for name, size in zip(lists, sizes or [1] * len(lists), strict=True)}
        state = compiled.construct_expanded_state(required | places)
        processes = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in binds.items()}
        columns = list(spelt.exported_columns)  # of what it selects or returns
        reads = [_reader(column.type, dialect) for column in columns]
        return _Form(
            sql=state.statement,
            order=tuple(state.positiontup) if state.positiontup is not None else None,
            lists={name: tuple(names) for name, names in state.parameter_expansion.items()},
            defaults={name: bind.effective_value for name, bind in binds.items() if not bind.required},
            processes={name: process for name, process in processes.items() if process is not None},
            row=namedtuple("Row", [column.key for column in columns], rename=True) if columns else None,
            reads=tuple((position, read) for position, read in enumerate(reads) if read is not None),
        )


@dataclass(frozen=True)
class _Form:
    """A statement in one dialect, with lists of certain lengths."""

    sql: str
    order: tuple[str, ...] | None  # positional parameters; none: by name
    lists: Mapping[str, tuple[str, ...]]  # name of a list: the names of its places
    defaults: Params
    processes: Mapping[str, Process]
    row: Any
    reads: tuple[tuple[int, Process], ...]

    @cached_property
    def _plan(self) -> tuple[tuple[str | None, Any, Process | None], ...]:
        """Of each positional parameter its name and its process; what is fixed has a value instead of a name."""
        return tuple(self._planned(name, self.processes.get(name)) for name in self.order or ())

    def _planned(self, name: str, process: Process | None) -> tuple[str | None, Any, Process | None]:
        if name not in self.defaults:
            return name, None, process
        value = self.defaults[name]
        return None, value if process is None else process(value), None

    def fill(self, params: Params) -> Any:
        """Values as the driver wants them."""
        if self.order is not None and not self.lists:
            return [
                fixed if name is None else params[name] if process is None else process(params[name])
                for name, fixed, process in self._plan
            ]
        filled = {**self.defaults, **params}
        for name, process in self.processes.items():
            value = filled[name]
            filled[name] = [process(item) for item in value] if name in self.lists else process(value)
        for name, places in self.lists.items():
            filled.update(zip(places, filled.pop(name), strict=True))
        return tuple([filled[name] for name in self.order]) if self.order is not None else filled

    def read(self, found: Sequence[Any]) -> list[Any]:
        make = self.row._make
        if not self.reads:
            return [make(row) for row in found]
        rows = []
        for row in found:
            values = list(row)
            for position, read in self.reads:
                values[position] = read(values[position])
            rows.append(make(values))
        return rows


def _spelt_out(dialect: Dialect, element: Any, **_more: Any) -> Any:
    """What is the same at each execution stands in the text. Where `state = ?` is to be held against the condition of
    a partial index, SQLite plans the statement anew each time a value is bound, and a server forgets the index.
    """
    if not isinstance(element, BindParameter) or element.required or not isinstance(element.value, str | int):
        return None
    if element.type.dialect_impl(dialect).literal_processor(dialect) is None:
        return None
    return element.render_literal_execute()


def first(rows: Sequence[Any]) -> Any:
    """The first row, or None."""
    return rows[0] if rows else None


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    if isinstance(kind, Float):
        return None  # both drivers hand out floats, and SQLAlchemy would ask which number type the column has
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _padded(items: list[Any]) -> list[Any]:
    """Filled up to a power of two by its last item: a few statements serve all lengths, and an `IN` does not mind."""
    if not items:
        raise ValueError("an empty list")
    return items + items[-1:] * ((1 << (len(items) - 1).bit_length()) - len(items))


def execute(connection: Connection, sql: str, values: Any = (), *, many: bool = False) -> Any:
    """Runs on the driver's own connection; its errors come out as SQLAlchemy's, without the values."""
    driver: Any = connection.connection.dbapi_connection
    cursor = driver.cursor()
    try:
        if many:
            cursor.executemany(sql, values)
        else:
            cursor.execute(sql, values)
    except Exception as error:
        cursor.close()
        raise _as_ours(connection, sql, error) from error
    return cursor


def _as_ours(connection: Connection, sql: str, error: Exception) -> BaseException:
    dialect: Any = connection.dialect
    base = dialect.loaded_dbapi.Error
    if not isinstance(error, base):
        return error
    is_gone = bool(dialect.is_disconnect(error, connection.connection.dbapi_connection, None))
    ours: BaseException = DBAPIError.instance(
        sql, None, error, base, hide_parameters=True, connection_invalidated=is_gone, dialect=dialect
    )
    if is_gone:
        connection.invalidate(error)
    return ours
