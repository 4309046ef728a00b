"""The TOML file that `fit` writes: settings, the weights to use, and the record of how they were learned."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from matching.tables import InputError

Plain = Mapping[str, object]
HEAD = "# Written by `python -m matching fit`. Used by `{use}`.\n"


def write(path: Path, use: str, content: Plain) -> None:
    """Write settings and tables; InputError if the file cannot be written."""
    written = text_of(use, content).encode()
    try:
        path.write_bytes(written)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or 'cannot be written'}") from error


def text_of(use: str, content: Plain) -> str:
    """Settings and tables as TOML; what is no table comes first, as TOML wants it."""
    tables = {name: table for name, table in content.items() if isinstance(table, Mapping)}
    lines = [HEAD.format(use=use), *lines_of({name: content[name] for name in content if name not in tables})]
    for name, table in tables.items():
        lines += [f"\n[{key(name)}]\n", *lines_of(table)]
    return "".join(lines)


def lines_of(table: Plain) -> list[str]:
    """One line per entry."""
    return [f"{key(name)} = {inline(value)}\n" for name, value in table.items()]


def inline(value: object) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key(name)} = {inline(one)}" for name, one in value.items()) + " }"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    """A bare key where TOML allows one, else a quoted one."""
    return name if name.replace("_", "").isalnum() and name.isascii() else inline(name)
