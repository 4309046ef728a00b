"""The return path of a mail leads back to that mail, and to no other."""

import pytest

from broker.config import Settings
from broker.domain import bounces
from broker.models import Email


@pytest.fixture
def settings() -> Settings:
    return Settings(bounce_address="Bounces@Host.example", secret_key="a key of our own, for signing")


def tagged(settings: Settings, email_id: int) -> str:
    return bounces.return_path(settings, Email(id=email_id))


def test_the_return_path_names_its_mail(settings: Settings) -> None:
    path = tagged(settings, 17)
    assert path.startswith("Bounces+17-")
    assert path.endswith("@Host.example")
    assert len(path.partition("@")[0]) <= 64
    assert bounces.email_of(settings, path) == 17
    assert bounces.email_of(settings, f" <{path.upper()}>\r\n") == 17


def test_a_return_path_nobody_of_us_made_names_none(settings: Settings) -> None:
    path = tagged(settings, 17)
    proof = path.partition("-")[2].partition("@")[0]
    others = Settings(bounce_address=settings.bounce_address, secret_key="the key of another service")
    for wrong in (
        path.replace("+17-", "+18-"),
        path.replace("+17-", "+017-"),
        path.replace("+17-", "+١٧-"),
        path.replace(proof, proof[::-1]),
        path.replace(proof, ""),
        path.replace("host", "other").replace("Host", "Other"),
        path.replace("Bounces", "other"),
        tagged(others, 17),
        tagged(settings, 2**31),
        "Bounces@Host.example",
        "",
        "<>",
    ):
        assert bounces.email_of(settings, wrong) is None, wrong


def test_without_a_bounce_address_mail_returns_to_the_sender() -> None:
    settings = Settings(mail_from="Us <us@service.example>")
    assert tagged(settings, 17) == "us@service.example"
    assert bounces.email_of(settings, "+17-0123456789abcdef@") is None
    assert bounces.email_of(settings, "us@service.example") is None
