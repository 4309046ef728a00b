import os
import socket
import stat
from pathlib import Path

import pytest
import redis

from broker import serve
from broker.config import Settings
from broker.errors import ConflictError, InvalidError
from broker.supervisor import Supervisor
from tests.ports import free_port


@pytest.fixture
def demo(home: Path) -> Settings:
    """Settings of a home that is marked as the demo."""
    settings = Settings(home=home)
    settings.demo_mark.touch()
    return settings


def test_a_port_that_is_taken_is_said_before_anything_starts(demo: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConflictError) as refused:
            serve.serve(demo, port)

    assert str(refused.value) == (
        f"Port {port} on 127.0.0.1 is taken. Stop what uses it, or choose another with --port."
    )
    assert [path.name for path in demo.home.iterdir()] == ["demo"]


def test_a_foreign_address_is_said_before_anything_starts(demo: Settings) -> None:
    with pytest.raises(InvalidError, match=r"no\.such\.host\.invalid is not an address of this machine"):
        serve.serve(demo, free_port(), host="no.such.host.invalid")


def test_without_a_key_of_its_own_nothing_starts_outside_the_demo(home: Path) -> None:
    with pytest.raises(InvalidError, match="BROKER_SECRET_KEY is not set"):
        serve.serve(Settings(home=home), free_port())

    assert list(home.iterdir()) == []


def test_weights_that_cannot_be_read_are_said_before_anything_starts(demo: Settings, tmp_path: Path) -> None:
    demo.weights = str(tmp_path / "none.toml")
    with pytest.raises(InvalidError) as refused:
        serve.serve(demo, free_port())

    assert str(refused.value) == f"BROKER_WEIGHTS: {demo.weights}: No such file or directory"
    assert [path.name for path in demo.home.iterdir()] == ["demo"]


def test_a_free_port_is_left_free() -> None:
    port = free_port()
    serve.require_free_port("127.0.0.1", port)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        assert listener.getsockname() == ("127.0.0.1", port)


def test_the_children_get_the_settings_in_force(
    demo: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.mail_from = "Us <us@broker.example>"
    environment = serve.environment_for(demo, "127.0.0.1", 8123, tmp_path)
    for name, value in environment.items():
        if name.startswith("BROKER_"):
            monkeypatch.setenv(name, value)
    theirs = Settings()

    assert theirs.queue_url == f"redis+socket://{tmp_path}/queue"
    assert theirs.public_url == "http://127.0.0.1:8123"
    ours = demo.model_dump(exclude={"queue_url", "public_url"})
    assert theirs.model_dump(exclude={"queue_url", "public_url"}) == ours


def test_links_lead_to_the_public_address_where_one_was_set(home: Path, tmp_path: Path) -> None:
    settings = Settings(home=home, public_url="https://broker.example")
    assert serve.environment_for(settings, "0.0.0.0", 80, tmp_path)["BROKER_PUBLIC_URL"] == "https://broker.example"


@pytest.mark.parametrize(
    ("host", "name"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("localhost", "localhost")]
)
def test_where_to_reach_a_server_that_listens_there(host: str, name: str) -> None:
    assert serve.reachable(host) == name


def test_a_private_queue_runs_only_where_none_was_named(home: Path, tmp_path: Path) -> None:
    own = serve.children(Settings(home=home), "127.0.0.1", 8000, tmp_path)
    named = serve.children(Settings(home=home, queue_url="redis://host/0"), "127.0.0.1", 8000, tmp_path)

    assert [child.name for child in own] == ["queue", "web", "worker"]
    assert [child.name for child in named] == ["web", "worker"]
    assert named[0].environment["BROKER_QUEUE_URL"] == "redis://host/0"


def test_the_web_server_alone_gives_memory_back_at_once_unless_told_otherwise(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = []
    for told in (None, "65536"):
        if told:
            monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", told)
        children = serve.children(Settings(home=home), "127.0.0.1", 8000, tmp_path)
        bounds.append([child.environment.get("MALLOC_MMAP_THRESHOLD_") for child in children])

    assert bounds == [[None, "131072", None], ["65536"] * 3]


def test_the_private_queue_is_this_users_alone_refuses_when_full_and_keeps_no_file() -> None:
    with serve.queue_folder() as folder:
        queue = serve.private_queue(folder)
        supervisor = Supervisor([queue])

        def look_and_stop() -> None:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            with redis.Redis(unix_socket_path=str(folder / "queue")) as client:
                assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
                assert client.config_get("port") == {"port": "0"}
                assert client.config_get("save") == {"save": ""}
            supervisor._note_signal(0, None)

        supervisor.run(started=look_and_stop)
        assert list(folder.iterdir()) == []
    assert not folder.exists()


def test_a_long_temporary_folder_does_not_make_the_sockets_path_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with serve.queue_folder() as folder:
        assert len(os.fsencode(folder / "queue")) <= serve.LONGEST_SOCKET_PATH
        assert list(deep.iterdir()) == []


def test_the_demo_is_greeted_with_its_address_and_sign_ins(demo: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    serve.greet(demo, "0.0.0.0", 8123, ["Broker of Berlin: berlin@brokers.example"])

    said = capsys.readouterr().out
    assert "Open http://127.0.0.1:8123\n" in said
    assert "  Broker of Berlin: berlin@brokers.example\n" in said


def test_outside_the_demo_no_sign_in_is_printed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(home=home, public_url="https://broker.example")
    serve.greet(settings, "127.0.0.1", 8000, ["Broker of Berlin: berlin@brokers.example"])

    said = capsys.readouterr().out
    assert "Open http://127.0.0.1:8000  (people reach it at https://broker.example)\n" in said
    assert "berlin@" not in said


def test_a_web_server_that_is_not_there_does_not_answer() -> None:
    assert not serve.answers("127.0.0.1", free_port())
