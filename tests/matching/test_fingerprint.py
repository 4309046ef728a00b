from pathlib import Path

import pytest

from matching import fingerprint
from matching.fingerprint import cpu_flags, directory_hash, model_fingerprint, precision


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_the_fingerprint_of_a_directory_follows_its_content(model: Path, tmp_path: Path) -> None:
    before = directory_hash(model, tmp_path)
    (model / "model.safetensors").write_bytes(b"Weights")
    changed = directory_hash(model, tmp_path)
    (model / "model.safetensors").write_bytes(b"weights")
    assert before == directory_hash(model, tmp_path) != changed


def test_it_is_remembered_under_home_and_not_in_the_model(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    found = directory_hash(model, home)
    monkeypatch.setattr(fingerprint, "content_hash", None)  # calling it would fail
    assert directory_hash(model, home) == found
    assert sorted(path.name for path in model.iterdir()) == ["config.json", "model.safetensors"]


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"embedding model: no directory /.*nowhere"):
        model_fingerprint(str(tmp_path / "nowhere"), tmp_path)


def test_a_hub_model_is_known_by_its_commit_once_it_is_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert model_fingerprint("LaBSE", tmp_path) is None
    cached = tmp_path / "models--sentence-transformers--LaBSE"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("836121a")
    assert model_fingerprint("LaBSE", tmp_path) is None
    (cached / "snapshots" / "836121a").mkdir(parents=True)
    assert model_fingerprint("LaBSE", tmp_path) == f"sentence-transformers/LaBSE@836121a/{precision('LaBSE')}/1"


@pytest.mark.parametrize(
    ("flags", "bundled", "other"),
    [
        ({"avx512_vnni", "avx512_bf16"}, "int8", "bf16"),
        ({"avx_vnni"}, "int8", "fp32"),
        ({"amx_bf16", "sse"}, "bf16", "bf16"),
        ({"avx2"}, "fp32", "fp32"),
        (set(), "fp32", "fp32"),
    ],
)
def test_an_arithmetic_is_chosen_only_where_the_cpu_has_it_and_int8_only_for_the_bundled_model(
    flags: set[str], bundled: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "cpu_flags", lambda: frozenset(flags))
    assert (precision(), precision("LaBSE")) == (bundled, other)


def test_other_systems_fall_back_to_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint.platform, "system", lambda: "Darwin")
    assert cpu_flags() == frozenset()
