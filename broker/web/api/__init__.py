"""The JSON API, `/api/v1`: what the desks do, for programs; described by its own OpenAPI document."""

from broker.web.api.application import create_api

__all__ = ["create_api"]
