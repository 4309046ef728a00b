"""A real browser, and the application really served on loopback over the small world of the web tests."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page

from broker.config import Settings
from broker.db import Database
from broker.web.app import create_app
from tests.lacking import lacking
from tests.web.world import PASSWORD, World, build

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Service:
    """The served application, its database, and the people in it."""

    url: str
    world: World
    database: Database


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's Chromium, without its calls home."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        lacking("a Chromium browser (apt install chromium)")
    return {**browser_type_launch_args, "executable_path": found, "args": QUIET}


@pytest.fixture
def service(home: Path, sqlite_url: str) -> Iterator[Service]:
    """The application on a free port of loopback, with the world in its database, as a demo."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(home=home, database_url=sqlite_url, demo=True, public_url=f"http://127.0.0.1:{port}")
    app = create_app(settings)
    database: Database = app.state.database
    with database.write() as session:
        world = build(session, settings)
    # Its own way of logging would stay with this process, and with the tests that come after.
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="served application", daemon=True)
    thread.start()
    _wait_until(lambda: server.started)
    yield Service(settings.public_url, world, database)
    server.should_exit = True
    thread.join(10)
    database.dispose()


@pytest.fixture
def open_page(browser: Browser, service: Service) -> Iterator[Callable[..., Page]]:
    """`open_page("broker", width=360, javascript=False)`: a page in a browser of its own, signed in if named."""
    contexts: list[BrowserContext] = []

    def open_one(
        person: str | None = None, *, width: int = 1280, javascript: bool = True, scheme: str = "light"
    ) -> Page:
        context = browser.new_context(
            base_url=service.url,
            viewport={"width": width, "height": 800},
            java_script_enabled=javascript,
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        if person is not None:
            page.goto("/sign-in")
            page.get_by_label("E-mail address").first.fill(service.world.accounts[person].email)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    yield open_one
    for context in contexts:
        context.close()


def _wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"not so after {seconds} seconds")
        time.sleep(0.02)
