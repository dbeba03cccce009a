"""The OpenAPI document of a served model: what it takes and answers, for programs that write clients."""

from __future__ import annotations

from typing import Any

from netspec import __version__
from netspec.serving.options import MOST_TOP
from netspec.serving.served import Served

__all__ = ["openapi"]

Schema = dict[str, Any]

_ERRORS = {
    "400": "the examples are not such as the model reads",
    "403": "the server was called by a name, or from a page, that is not its own",
    "408": "the body did not arrive in time",
    "413": "the body has too many bytes, examples or pixels",
    "415": "the body is of a type that the model does not read",
    "500": "the server failed",
    "503": "so much waits that no more is taken: try again after Retry-After seconds",
}


def openapi(served: Served, most_bytes: int) -> Schema:
    """Return the document.

    Args:
        served: the model.
        most_bytes: of a body.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": served.name,
            "version": __version__,
            "description": "A model that netspec serves.",
        },
        "paths": {
            "/predict": {"post": _predict(served, most_bytes)},
            "/health": {"get": _get("Whether the server answers.", "application/json", _HEALTH)},
            "/metrics": {"get": _get("Counts and times, for Prometheus.", "text/plain", {"type": "string"})},
            "/openapi.json": {"get": _get("This document.", "application/json", {"type": "object"})},
            "/docs": {"get": _get("A page for people.", "text/html", {"type": "string"})},
        },
        "components": {"schemas": {"Error": _ERROR, "Prediction": served.answer_schema}},
    }


_HEALTH: Schema = {
    "type": "object",
    "properties": {
        "status": {"const": "ok"},
        "model": {"type": "string"},
        "waiting": {"type": "integer", "description": "examples that wait"},
    },
    "required": ["status", "model", "waiting"],
}
_ERROR: Schema = {
    "type": "object",
    "properties": {
        "error": {"type": "string", "description": "what is wrong"},
        "fix": {"type": "string", "description": "what would be right"},
    },
    "required": ["error", "fix"],
}


def _get(summary: str, media: str, schema: Schema) -> Schema:
    return {"summary": summary, "responses": {"200": {"description": summary, "content": {media: {"schema": schema}}}}}


def _predict(served: Served, most_bytes: int) -> Schema:
    body: Schema = {"schema": served.schema}
    if served.example is not None:
        body["example"] = served.example
    files = {media: {"schema": {"type": "string", "description": what}} for media, what in served.media.items()}
    form = {"multipart/form-data": {"schema": {"type": "object", "description": "an example in each part"}}}
    answers = {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}}
    notes = {"type": "array", "items": {"type": "string"}, "description": "what should be known of the examples"}
    found = {
        "type": "object",
        "properties": {"predictions": answers, "notes": notes},
        "required": ["predictions"],
    }
    example = {"predictions": [served.answer]}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "summary": "What the model answers for examples.",
        "description": f"At most {served.most_examples:,} examples and {most_bytes:,} bytes.",
        "parameters": _parameters(),
        "requestBody": {"required": True, "content": {"application/json": body, **files, **form}},
        "responses": {
            "200": {
                "description": "An answer for each example, in their order.",
                "content": {"application/json": {"schema": found, "example": example}},
            },
            **{status: {"description": what, "content": error} for status, what in _ERRORS.items()},
        },
    }


def _parameters() -> list[Schema]:
    def parameter(name: str, what: str, schema: Schema) -> Schema:
        return {"name": name, "in": "query", "description": what, "schema": schema}

    return [
        parameter("top", "how many classes are named", {"type": "integer", "minimum": 1, "maximum": MOST_TOP}),
        parameter(
            "threshold",
            "from which probability on the second of two classes, or one of several labels, is taken",
            {"type": "number", "minimum": 0, "maximum": 1},
        ),
        parameter("invert", "swap light and dark in pictures; recognized otherwise", {"type": "boolean"}),
        parameter("as_is", "do not look for what is drawn in a picture", {"type": "boolean"}),
    ]
