"""What counts as an answer to a call, how long it is waited for, and whom a call by HTTPS believes."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from broker.config import Settings
from broker.domain.delivery import TemporaryFailure
from broker.domain.http_delivery import HttpDelivery
from tests.domain.call_rows import Receiver, outgoing, receiver


@pytest.fixture
def there() -> Iterator[Receiver]:
    """A program that takes calls."""
    with receiver() as found:
        yield found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a service that may call its own network."""
    return Settings(home=tmp_path, webhook_private=True)


@pytest.mark.parametrize(("name", "is_taken"), [("localhost", True), ("other.example", False)])
def test_a_certificate_must_be_of_the_name_called(
    name: str, is_taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, tls = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    delivery = HttpDelivery(Settings(home=tmp_path, webhook_private=True))
    with receiver(tls) as there:
        if is_taken:
            delivery.send(outgoing(there.url))
        else:
            with pytest.raises(TemporaryFailure, match="its certificate is not valid"):
                delivery.send(outgoing(there.url))
        assert len(there.requests) == is_taken


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 429, 503])
def test_no_answer_but_a_2xx_is_well_and_no_redirect_is_followed(
    there: Receiver, settings: Settings, status: int
) -> None:
    there.status, there.location = status, there.url.replace("/hook", "/elsewhere")
    with pytest.raises(TemporaryFailure, match=f"The answer was {status}"):
        HttpDelivery(settings).send(outgoing(there.url))
    assert [path for path, _, _ in there.requests] == ["/hook?key=1"]


def test_a_server_that_answers_a_letter_now_and_then_is_cut_off(settings: Settings) -> None:
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                while not done.wait(0.05):
                    try:
                        connection.send(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(TemporaryFailure, match=r"No answer: it took too long\."):
            HttpDelivery(settings, total_seconds=0.5).send(outgoing(f"http://127.0.0.1:{server.getsockname()[1]}/"))
        done.set()
        thread.join()
