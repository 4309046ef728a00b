"""The API's description as a page: its OpenAPI document, read for people. Needs no script and nothing from outside."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from markupsafe import Markup, escape

from broker.web.deps import MaybeAccount
from broker.web.pages import render

router = APIRouter()
Schema = Mapping[str, Any]
KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a shape."""

    name: str
    kind: str
    shape: str
    """The shape its kind names, to be linked; "" where it names none."""
    told: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of an address."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: Sequence[Field]
    sends: str
    """The shape of the body."""
    gives: str
    """The shape of the answer; "" for a file or nothing."""
    statuses: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Shape:
    """An object that is sent or told."""

    name: str
    description: str
    fields: Sequence[Field]
    example: str


@router.get("/api")
def api_page(request: Request, account: MaybeAccount) -> Response:
    """What programs can do, for who writes them."""
    api: FastAPI = request.app.state.api
    document = api.openapi()
    operations = list(_operations(document))
    context = {
        "intro": [marked(part) for part in document["info"]["description"].split("\n\n")],
        "groups": [
            (tag["name"], tag["description"], [one for name, one in operations if name == tag["name"]])
            for tag in document["tags"]
        ],
        "calls": [
            Shape(call["post"]["summary"], call["post"]["description"], (), _call_example(document, call["post"]))
            for call in document["webhooks"].values()
        ],
        "shapes": list(_shapes(document["components"]["schemas"])),
        "problems": document["components"]["responses"],
        "marked": marked,
    }
    return render(request, "pages/api.html", context)


def marked(text: str) -> Markup:
    """The little Markdown there is in our descriptions: `code` and **strong**."""
    told = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", told))  # noqa: S704 - escaped before


def _operations(document: Schema) -> Iterator[tuple[str, Operation]]:
    """(its last tag, the operation) of every one, in the order of the document."""
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            [(code, answer)] = [(code, one) for code, one in operation["responses"].items() if code.startswith("20")]
            yield (
                operation["tags"][-1],
                Operation(
                    operation["operationId"],
                    method.upper(),
                    path,
                    operation["summary"],
                    operation["description"],
                    [_field(one["name"], one, one["required"], schemas) for one in operation.get("parameters", [])],
                    _named(operation.get("requestBody", {})),
                    _named(answer),
                    [(code, "What you asked for."), *_refusals(operation, document)],
                ),
            )


def _refusals(operation: Schema, document: Schema) -> Iterator[tuple[str, str]]:
    for code, answer in operation["responses"].items():
        if not code.startswith("20"):
            shared = document["components"]["responses"].get(f"Problem{code}")
            yield code, (shared or answer)["description"]


def _named(holder: Schema) -> str:
    """The shape of a body or an answer."""
    media: Schema = next(iter(holder.get("content", {}).values()), {})
    return _last(media.get("schema", {}))


def _last(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _shapes(schemas: Mapping[str, Schema]) -> Iterator[Shape]:
    """Every object. What is needed is said of those that are sent: what is told is always there."""
    for name, schema in schemas.items():
        if "properties" in schema:
            needed = schema.get("required", []) if schema.get("additionalProperties") is False else []
            fields = [_field(key, one, key in needed, schemas) for key, one in schema["properties"].items()]
            yield Shape(name, schema.get("description", ""), fields, _json(schema.get("examples", [""])[0]))


def _field(name: str, holder: Schema, is_required: bool, schemas: Mapping[str, Schema]) -> Field:
    schema = holder.get("schema", holder)
    kind, shape = _kind(schema, schemas)
    return Field(name, kind, shape, holder.get("description", ""), is_required)


def _kind(schema: Schema, schemas: Mapping[str, Schema]) -> tuple[str, str]:
    """(in words, the shape it names)."""
    parts = [_kind({**part, **_bounds(schema)}, schemas) for part in schema.get("anyOf", [])]
    if parts:
        return " or ".join(words for words, _ in parts), next((shape for _, shape in parts if shape), "")
    if name := _last(schema):
        return (_choice(schemas[name]), "") if "enum" in schemas[name] else (name, name)
    if "enum" in schema or "const" in schema:
        return _choice(schema), ""
    if schema.get("type") == "array":
        words, shape = _kind(schema["items"], schemas)
        return f"list of {words}{_rule(schema)}", shape
    if schema.get("type") == "object":
        return "numbers by name", ""
    words = "date and time" if schema.get("format") == "date-time" else KINDS[schema["type"]]
    return words + (_rule(schema) if words != "null" else ""), ""


def _bounds(schema: Schema) -> dict[str, Any]:
    return {key: schema[key] for key in ("minimum", "maximum", "maxLength") if key in schema}


def _choice(schema: Schema) -> str:
    return " | ".join(map(str, schema.get("enum") or [schema["const"]]))


def _rule(schema: Schema) -> str:
    if "maximum" in schema and schema["maximum"] < 2**31 - 1:
        return f", {schema['minimum']:g} to {schema['maximum']:g}"
    if "maxLength" in schema:
        return f", up to {schema['maxLength']:,} characters"
    return f", up to {schema['maxItems']:,}" if "maxItems" in schema else ""


def _call_example(document: Schema, call: Schema) -> str:
    return _json(document["components"]["schemas"][_named(call["requestBody"])]["examples"][0])


def _json(example: object) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False) if example else ""
