"""The OpenAPI document, read as somebody from outside reads it: nothing is left to guess."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema_rs import Draft202012Validator

from broker.web.api.description import PROBLEMS, TAGS
from tests.web.api.routes import api_of

Document = dict[str, Any]


@pytest.fixture
def document(app: FastAPI) -> Document:
    return api_of(app).openapi()


def operations(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_says_what_it_does_and_takes_a_token(document: Document) -> None:
    ids = []
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert set(operation["tags"]) <= set(TAGS), name
        assert operation["security"] == [{"Token": []}], name
        ids.append(operation["operationId"])
    assert len(ids) == len(set(ids)) == 26
    assert [tag["name"] for tag in document["tags"]] == list(TAGS)
    assert document["components"]["securitySchemes"]["Token"]["scheme"] == "bearer"


def test_every_refusal_is_a_problem(document: Document) -> None:
    for name, operation in operations(document):
        told = {code for code in operation["responses"] if code[0] in "45"}
        assert {"401", "422", "429"} <= told <= {str(code) for code in PROBLEMS}, name
        assert ("412" in told) is ("428" in told) is name.startswith(("PUT", "PATCH")), name
        for code in told:
            assert operation["responses"][code] == {"$ref": f"#/components/responses/Problem{code}"}, name
    for answer in document["components"]["responses"].values():
        assert list(answer["content"]) == ["application/problem+json"]


def bounded(schema: dict[str, Any], document: Document) -> bool:
    """Whether what fits is of a size that can be told."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return all(
            bounded(part | {key: schema[key] for key in SIZES & schema.keys()}, document) for part in schema["anyOf"]
        )
    match schema.get("type"):
        case "integer" | "number":
            return "minimum" in schema and "maximum" in schema
        case "string":
            return bool(schema.keys() & {"maxLength", "enum", "const", "format", "pattern"})
        case "array":
            return "maxItems" in schema and bounded(schema["items"], document)
        case "object":
            parts = schema["properties"].values()
            return schema["additionalProperties"] is False and all(bounded(part, document) for part in parts)
    return schema.get("type") in {"boolean", "null"}


SIZES = {"minimum", "maximum", "maxLength"}


def test_everything_that_can_be_sent_is_bounded(document: Document) -> None:
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert bounded(parameter["schema"], document), (name, parameter["name"])
        if "requestBody" in operation:
            [media] = operation["requestBody"]["content"].values()
            assert bounded(media["schema"], document), name


def test_what_is_sent_and_told_has_an_example_that_fits(document: Document) -> None:
    schemas = document["components"]["schemas"]
    named = set()
    for name, operation in [
        *operations(document),
        *((name, call["post"]) for name, call in document["webhooks"].items()),
    ]:
        media = [*operation.get("requestBody", {}).get("content", {}).values()]
        media += [one for answer in operation["responses"].values() for one in answer.get("content", {}).values()]
        for one in media:
            if one["schema"].get("format") != "binary":
                assert "$ref" in one["schema"], name
                named.add(one["schema"]["$ref"].rpartition("/")[2])
    named.add("Problem")
    for name in named:
        [example] = schemas[name]["examples"]
        rooted = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        Draft202012Validator(rooted).validate(example)


def test_versions_addresses_and_pages_are_told_by_headers(document: Document) -> None:
    headers = {
        name: sorted(answer.get("headers", {}))
        for name, operation in operations(document)
        for code, answer in operation["responses"].items()
        if code.startswith("20")
    }
    assert headers["GET /smes"] == ["Link"]
    assert headers["POST /smes"] == ["ETag", "Idempotency-Replayed", "Location"]
    assert headers["PATCH /events/{event_id}"] == ["ETag"]
    assert headers["POST /events/{event_id}/runs"] == ["ETag", "Idempotency-Replayed", "Location"]
    assert headers["DELETE /webhooks/{webhook_id}"] == []


def test_no_schema_is_there_that_nothing_names(document: Document) -> None:
    whole = str(document)
    for name in document["components"]["schemas"]:
        assert f"'#/components/schemas/{name}'" in whole, name
