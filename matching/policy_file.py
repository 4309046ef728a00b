"""The TOML files that settings are read from. What is wrong with one is told in one line."""

import tomllib
from dataclasses import fields
from math import isfinite
from pathlib import Path
from typing import Any

from matching.combination import Weights
from matching.profile import Policy
from matching.tables import InputError


def read_policy(path: Path | None) -> tuple[Policy, Weights]:
    """Policy and, in the table [weights], what each criterion counts; defaults for whatever is not named."""
    content = toml_of(path) if path else {}
    weights = content.pop("weights", {})
    return settings(path, Policy, content), settings(path, Weights, weights)


def read_weights(path: Path) -> Weights:
    """The table [weights] of a file, as `fit --answers` writes it; what else the file says is not read."""
    content = toml_of(path)
    if "weights" not in content:
        raise InputError(f"{path}: no table [weights]; expected a file written by fit --answers")
    weights: Weights = settings(path, Weights, content["weights"])
    return weights


def toml_of(path: Path) -> dict[str, Any]:
    """A TOML file's content without [learned], the record of where its weights are from."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or 'cannot be read'}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no TOML ({error})") from error
    content.pop("learned", None)
    return content


def settings(path: Path | None, kind: Any, content: Any) -> Any:
    """A dataclass from a TOML table; InputError for a name or a type that does not fit."""
    if not isinstance(content, dict):
        raise InputError(f"{path}: weights must be a table")
    types: dict[str, Any] = {field.name: field.type for field in fields(kind)}
    for name, value in content.items():
        if name not in types:
            raise InputError(f"{path}: unknown setting '{name}'; expected one of {', '.join(types)}")
        if type(value) is not types[name] and not (types[name] is float and type(value) is int):
            raise InputError(f"{path}: {name} must be of type {types[name].__name__}, not {value!r}")
        if not isfinite(value):
            raise InputError(f"{path}: {name} must be a finite number, not {value!r}")
    try:
        return kind(**content)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
