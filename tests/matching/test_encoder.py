import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from matching import Cohort, Policy, Weights, build, texts
from matching.bench.encoder import sample
from matching.bundled_model import FINGERPRINT
from matching.encoder import Encoder, batches, load_encoder, nearest_space
from matching.fingerprint import PRECISIONS, model_fingerprint, precision

from .conftest import profile

ROOT = Path(__file__).parents[2]

SAID = [
    "a clinic in a confusing old building, ready to change its signs",
    "Anhänger und Aufbauten für Lastenräder, die sich an einem Tag umrüsten lassen",
    "viešbučiai, lankytini objektai ar slaugos namai, kurie visą vasarą išbandytų drabužius darbe",
    "zdjęcia dachów z powietrza",
    "wine",
    *(f"statement {i} about {'quiet and light ' * (i % 7)}trams" for i in range(60)),
]
MANY = SAID + sample(60)


@pytest.fixture(scope="module")
def encoder(model_home: Path) -> Encoder:
    return load_encoder("bundled", model_home)


@pytest.fixture(scope="module")
def exact(encoder: Encoder, model_home: Path) -> np.ndarray:
    """What sentence-transformers itself makes of MANY."""
    vectors: np.ndarray = SentenceTransformer(str(model_home / "models" / FINGERPRINT), device="cpu").encode(MANY)
    return vectors


@pytest.mark.parametrize("arithmetic", PRECISIONS)
def test_every_arithmetic_agrees_with_float32(arithmetic: str, model_home: Path, exact: np.ndarray) -> None:
    found = load_encoder("bundled", model_home, arithmetic).encode(MANY)
    assert (found * exact).sum(axis=1).min() >= 0.98
    pairs = np.triu_indices(len(MANY), 1)
    assert np.corrcoef((found @ found.T)[pairs], (exact @ exact.T)[pairs])[0, 1] >= 0.99


def test_rows_are_float32_of_length_one_in_the_order_given(encoder: Encoder) -> None:
    found = encoder.encode(SAID)
    assert (found.shape, found.dtype) == ((len(SAID), 384), np.float32)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.array_equal(encoder.encode(SAID[::-1]), found[::-1])


def test_a_text_among_others_keeps_its_vector(encoder: Encoder) -> None:
    alone = np.concatenate([encoder.encode([text]) for text in SAID[:8]])
    assert (alone * encoder.encode(SAID)[:8]).sum(axis=1).min() > 0.999


def test_no_text_gives_no_row(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_a_text_longer_than_the_window_is_read_to_its_end(encoder: Encoder) -> None:
    """Cut at the window, both texts would have the same vector."""
    start = "We weave linen for hotels in the mountains. " * 70
    brewing, flying = encoder.encode(
        [start + "Beer is brewed in copper. " * 70, start + "Drones fly over roofs. " * 70]
    )
    beer, drone = encoder.encode(["Beer is brewed in copper.", "Drones fly over roofs."])
    assert brewing @ flying < 0.99
    assert brewing @ beer > flying @ beer
    assert flying @ drone > brewing @ drone


def test_progress_ends_with_all(
    encoder: Encoder, ticks: tuple[list[tuple[int, int]], Callable[[int, int], None]]
) -> None:
    seen, tick = ticks
    encoder.encode(SAID, tick)
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == (len(SAID), len(SAID))


def test_the_fingerprint_is_known_before_loading(encoder: Encoder, model_home: Path) -> None:
    assert encoder.fingerprint == model_fingerprint("bundled", model_home) == f"{FINGERPRINT}/{precision()}/1"


def test_a_local_directory_encodes_like_the_bundled_model(encoder: Encoder, model_home: Path) -> None:
    path = str(model_home / "models" / FINGERPRINT)
    assert load_encoder(path, model_home).fingerprint == model_fingerprint(path, model_home)
    local = load_encoder(path, model_home, precision())
    assert np.array_equal(local.encode(SAID), encoder.encode(SAID))


def test_the_choice_of_arithmetic_is_logged(model_home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="matching.encoder"):
        assert load_encoder("bundled", model_home, "fp32").fingerprint.endswith("/fp32/1")
    assert "fp32 arithmetic on the CPU" in caplog.text


def test_an_unknown_arithmetic_is_refused(model_home: Path) -> None:
    with pytest.raises(ValueError, match="one of int8, bf16, fp32"):
        load_encoder("bundled", model_home, "int3")


def test_a_forked_child_can_encode(model_home: Path) -> None:
    """As a Celery worker does, even where the parent has used the model before the fork."""
    code = (
        "import os, sys; from pathlib import Path; from matching.encoder import load_encoder;"
        "e = load_encoder('bundled', Path(sys.argv[1])); e.encode(['before the fork'] * 4 + ['x y z ' * 90]);"
        "child = os.fork();"
        "os._exit(0 if e.encode(['after the fork', 'x y z ' * 90]).shape == (2, 384) else 1) if child == 0"
        " else sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(model_home)], cwd=ROOT, env=dict(os.environ), check=False)
    assert done.returncode == 0


def test_needs_and_offers_meet_across_languages(encoder: Encoder) -> None:
    """Three firms, three languages, each of which has what another looks for."""
    wants = (
        "ein Metallbetrieb, der dünne Rohre biegt und schweißt",
        "a label for our wine bottles",
        "szkoła, która wypróbuje grę",
    )
    brings = ("gebogene Fahrradrahmen", "uma escola com alunos que testam jogos", "etykiety na butelki wina")
    fillers = [
        profile(f"f{i}", needs=(f"{thing} wanted",), offers=(f"{thing} for sale",), description=f"We deal in {thing}.")
        for i, thing in enumerate(["tents", "honey", "loans", "shoes", "violins", "robots", "bricks", "perfume"])
    ]
    people = (
        profile("de", needs=wants[:1], offers=brings[:1], description="Wir entwerfen Fahrräder für die Stadt."),
        profile("pt", needs=wants[1:2], offers=brings[1:2], description="Fazemos vinho e damos aulas."),
        profile("pl", needs=wants[2:], offers=brings[2:], description="Projektujemy gry i opakowania."),
        *fillers,
    )
    every = sorted({text for sme in people for text in texts(sme)})
    vectors = dict(zip(every, encoder.encode(every), strict=True))
    found = build(Cohort(people), vectors, Policy(), Weights(), seed=1)
    best = max(found.matches, key=lambda match: match.strength)
    assert (best.a, best.b) == ("pl", "pt")
    assert best.b_to_a is not None
    assert best.a_to_b is not None
    assert (best.b_to_a.need, best.b_to_a.offer) == ("a label for our wine bottles", "etykiety na butelki wina")
    assert (best.a_to_b.need, best.a_to_b.offer) == (wants[2], brings[1])
    assert found.lists["pt"][0] == "pl"


def test_batches_hold_like_lengths_and_every_text_once() -> None:
    tokens = [5, 900, 5, 300, 3000, 400]
    order = sorted(range(6), key=lambda i: tokens[i])
    found = list(batches(order, tokens))
    assert [i for batch in found for i in batch] == order
    assert all(len(batch) == 1 or len(batch) * max(tokens[i] for i in batch) <= 1024 for batch in found)


@pytest.mark.parametrize(("text", "at"), [("one two three", 7), ("onetwothree", 5), ("a bcdefghij", 1)])
def test_a_long_text_is_cut_at_a_space_near_its_middle(text: str, at: int) -> None:
    assert nearest_space(text, len(text) // 2) == at
