"""The routes of the API, and a body each that is well formed."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from tests.web.world import World


def api_of(app: FastAPI) -> FastAPI:
    """The API within the application."""
    [api] = [route.app for route in app.routes if isinstance(route, Mount) and route.name == "api"]
    assert isinstance(api, FastAPI)
    return api


def routes(app: FastAPI) -> list[str]:
    """Every route as "METHOD /path"."""
    return sorted(
        f"{method} {route.path}"
        for route in iter_route_contexts(api_of(app).routes)
        for method in set(getattr(route, "methods", None) or ()) - {"HEAD"}
    )


def bodies(world: World) -> dict[str, Any]:
    """A body for each route that takes one; those of SMEs and events change nothing, as they are refused."""
    return {
        "POST /smes": {"name": "Neuland", "city_code": "nowhere"},
        "PUT /smes/{sme_id}": {"name": "Spielwerk", "city_code": "berlin"},
        "PATCH /smes/{sme_id}": {"name": "Spielwerk"},
        "PUT /smes/{sme_id}/statements": {"offers": [], "needs": []},
        "POST /events": {
            "name": "",
            "city_code": "berlin",
            "starts_at": "2027-03-24T09:00",
            "ends_at": "2027-03-24T17:00",
        },
        "PATCH /events/{event_id}": {"venue": "Elsewhere"},
        "POST /events/{event_id}/registrations": {"sme_ids": [world.smes["Spielwerk"].id]},
        "POST /events/{event_id}/runs": {},
        "POST /events/{event_id}/exports": {"what": "matches"},
        "POST /webhooks": {"url": "https://crm.example/", "events": []},
    }
