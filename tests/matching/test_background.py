import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from matching import background, grams
from matching.__main__ import main
from matching.background import centred, load, means_of, measure, read, sample, scale, write
from matching.bundled_model import FINGERPRINT
from matching.fingerprint import full_fingerprint, identity_of
from matching.hubness import hubness
from matching.sentences import sentences

from .conftest import embed

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "data" / "background.csv"


def test_products_of_vectors_are_exact_in_any_order() -> None:
    draw = np.random.default_rng(1)
    rows = centred(list(draw.standard_normal((40, 384)).astype(np.float32)), ["en"] * 40)
    shuffled = draw.permutation(384)
    assert np.array_equal(rows @ rows.T, rows[:, shuffled] @ rows[:, shuffled].T)
    assert np.array_equal(rows * grams.GRID, np.rint(rows * grams.GRID))
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)


def test_the_mean_of_each_language_is_taken_out() -> None:
    draw = np.random.default_rng(2)
    german, english = draw.standard_normal((2, 32))
    raw = [*(3 * german + draw.standard_normal((400, 32))), *(3 * english + draw.standard_normal((400, 32)))]
    rows = centred([row.astype(np.float32) for row in raw], ["de"] * 400 + ["en"] * 400)
    assert abs(np.median(rows[:400] @ rows[:400].T)) < 0.05
    assert abs(np.median(rows[:400] @ rows[400:].T)) < 0.05


def test_few_texts_of_a_language_hardly_move_its_mean_from_that_of_all() -> None:
    vectors = [embed(f"word{i}") for i in range(60)] + [embed("einzeln")]
    named, means = means_of(vectors, ["en"] * 60 + ["de"])
    assert named == ("", "de", "en")
    assert np.linalg.norm(means[1] - means[0]) < 0.05 < np.linalg.norm(embed("einzeln") - means[0])


def test_an_unknown_language_loses_the_mean_of_all() -> None:
    vectors = [embed(f"word{i}") for i in range(40)]
    found = measure([f"word{i}" for i in range(40)], ["en", "de"] * 20, vectors)
    assert np.array_equal(centred(vectors[:1], ["xx"], found), centred(vectors[:1], [""], found))
    assert not np.array_equal(centred(vectors[:1], ["xx"], found), centred(vectors[:1], ["en"], found))


def test_what_is_measured_does_not_depend_on_the_order_of_the_texts() -> None:
    texts = [f"We make thing {i} of wood." for i in range(80)]
    languages = [("en", "de", "")[i % 3] for i in range(80)]
    vectors = [embed(text) for text in texts]
    found = measure(texts, languages, vectors, "made-up")
    assert len(found.references) == 80
    turned = measure(texts[::-1], languages[::-1], vectors[::-1], "made-up")
    assert background.digest(found) == background.digest(turned)
    assert sample([str(i) for i in range(3000)]) != list(range(2500))
    assert {str(i) for i in sample([str(i) for i in range(3000)])} == {
        str(2999 - i) for i in sample([str(i) for i in range(2999, -1, -1)])
    }


def test_the_texts_of_a_cohort_are_no_references() -> None:
    texts = [f"We make thing {i} of wood." for i in range(80)]
    found = measure(texts, ["en"] * 80, [embed(text) for text in texts])
    assert found.references.shape == (0, 64)


def test_scales_of_few_pairs_are_drawn_to_what_the_correction_takes_off() -> None:
    texts = [f"We make thing {i} of wood." for i in range(80)]
    found = measure(texts, ["en"] * 80, [embed(text) for text in texts], "made-up")
    hubs = hubness(centred([embed(text) for text in texts], ["en"] * 80, found), found.references)
    assert found.across == (round(-hubs.mean(), 4), 0.085)
    assert scale(np.array([0.2]), -0.1)[0] == round((0.2 - 200 * 0.1) / 201, 4)


def test_no_texts_are_a_background_that_assumes() -> None:
    found = measure([], [], [])
    assert (found.within, found.across, found.alike) == ((0.0, 0.085), (0.0, 0.085), (0.0, 0.0))
    assert found.references.shape == (0, 0)
    assert found.rarity.min() == found.rarity.max()


def test_words_of_a_small_language_are_as_common_as_those_of_a_large_one() -> None:
    texts = ["and wool"] * 100 + ["und wolle"] * 20
    weights = grams.rarity(grams.counts(texts), np.array(["en"] * 100 + ["de"] * 20))
    english, german, unseen = (weights[grams.counts([text]).indices].mean() for text in ("and", "und", "xyz"))
    assert english < german < unseen
    assert german - english < 0.4


def test_a_background_is_read_as_it_was_written(tmp_path: Path) -> None:
    texts = ["We weave.", "We sew. We knit.", "We dye. We spin."]
    found = measure(texts, ["en", "en", "de"], [embed(text) for text in texts], "a-model")
    write(found, tmp_path / "one.npz")
    again = read(tmp_path / "one.npz")
    assert background.digest(again) == background.digest(found)
    assert (again.model, again.languages, again.alike) == ("a-model", ("", "de", "en"), found.alike)


def test_nothing_is_shipped_for_an_unknown_model() -> None:
    assert load("paraphrase-MiniLM@1234") is None
    assert load("") is None


def test_the_bundled_models_is_shipped_whatever_the_arithmetic() -> None:
    shipped = load(identity_of(full_fingerprint(FINGERPRINT, "bf16")))
    assert shipped is not None
    assert shipped.means.shape == (11, 384)
    assert shipped.references.shape == (600, 384)
    assert (ROOT / "matching" / background.SHIPPED).stat().st_size < 300_000


def test_the_reference_texts_say_the_same_in_ten_languages() -> None:
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = {
        lang: [len(sentences(row["text"])) > 1 for row in rows if row["lang"] == lang]
        for lang in ("en", "de", "nl", "sv", "it", "pt", "pl", "cs", "lt", "et")
    }
    assert sum(map(len, kinds.values())) == len(rows) == len({row["text"] for row in rows})
    assert all(kind == [False] * 210 + [True] * 9 for kind in kinds.values())


def test_the_shipped_file_is_what_the_command_makes_of_the_reference_texts(
    model_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "background.npz"
    assert main(["background", str(REFERENCE), "-o", str(made), "--home", str(model_home), "--json"]) == 0
    found, shipped = read(made), load(FINGERPRINT)
    assert shipped is not None
    assert json.loads(capsys.readouterr().out)["digest"] == background.digest(found)
    assert (found.model, found.languages) == (shipped.model, shipped.languages)
    assert np.array_equal(found.rarity, shipped.rarity)
    assert np.allclose(found.means, shipped.means, atol=1e-3)  # bf16 or fp32, by what the processor does best
    assert found.references.shape == shipped.references.shape
    assert np.abs(found.references.astype(int) - shipped.references).max() <= 2  # of 128
    for name in ("within", "across", "alike"):
        assert getattr(found, name) == pytest.approx(getattr(shipped, name), abs=3e-3)


def test_a_reference_text_without_language_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "texts.csv").write_text("lang,text\nen,wool\n,wolle\n")
    assert main(["background", str(tmp_path / "texts.csv"), "-o", str(tmp_path / "out.npz")]) == 1
    assert capsys.readouterr().err.strip().endswith("row 3: a text needs both lang and text")


def test_a_wheel_brings_the_shipped_file(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "matching", tmp_path / "matching", ignore=shutil.ignore_patterns("__pycache__"))
    building = "from setuptools.build_meta import build_wheel; print(build_wheel('.'))"
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", building], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loading = f"import sys; sys.path.insert(0, {made.stdout.split()[-1]!r}); from matching import background as b"
    asking = f"{loading}; print(b.__file__, b.load({FINGERPRINT!r}).model)"
    (tmp_path / "pyproject.toml").unlink()
    shutil.rmtree(tmp_path / "matching")
    found = subprocess.run([sys.executable, "-c", asking], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.split()[0].startswith(made.stdout.split()[-1])
    assert found.stdout.split()[1] == FINGERPRINT
