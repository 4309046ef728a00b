import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from matching.history import network
from matching.profile import Profile
from matching.ranking import circles, first_of_each, mean_rows, signals, statements_of, term_rows, topics

from .conftest import embed, profile

TEXTS = ("solar panel glass", "panel glass roof", "roof timber house", "wine cellar barrel", "barrel oak wine")


def people_of(*texts: str) -> list[Profile]:
    return [profile(f"{i}", description=text, offers=(), needs=(), sector="") for i, text in enumerate(texts)]


def test_topics_relate_texts_without_a_word_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matching.ranking.TOPICS", 2)
    terms = term_rows(people_of(*TEXTS))
    themes = topics(terms)
    alike = themes @ themes.T
    assert (terms[[0]] @ terms[[2]].T).toarray().item() == 0  # solar panel glass, roof timber house
    assert alike[0, 2] > 0.9
    assert abs(alike[0, 3]) < 1e-9  # solar panel glass, wine cellar barrel
    assert np.allclose(alike.diagonal(), 1)


def test_each_text_shapes_the_topics_once() -> None:
    terms = term_rows(people_of(*TEXTS))
    once = topics(terms)
    copied = topics(sparse.csr_array(sparse.vstack([terms, terms[[4]], terms[[4]]])))
    assert np.allclose(once @ once.T, (copied @ copied.T)[:5, :5])


def test_only_the_first_of_each_content_is_kept_and_the_silent_are_left_out() -> None:
    rows = sparse.csr_array(np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 0.0]]))
    assert first_of_each(rows).tolist() == [0, 3, 4]


def test_too_few_texts_have_no_topics() -> None:
    assert not topics(term_rows(people_of("solar panel", "solar panel"))).any()
    assert not topics(term_rows(people_of("", ""))).any()


def test_a_circle_is_what_the_past_partners_speak_of() -> None:
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    around = circles(rows, network(["a", "b", "c"], {("a", "b"), ("a", "c")}))
    assert np.allclose(around[0], np.array([0.6, 1.8]) / np.hypot(0.6, 1.8))
    assert around[1:].tolist() == [[1.0, 0.0], [1.0, 0.0]]


def test_a_partner_outside_speaks_as_those_it_worked_with() -> None:
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    around = circles(rows, network(["a", "b", "c"], {("a", "x"), ("b", "x")}))
    assert np.allclose(around[:2], np.sqrt(0.5))
    assert not around[2].any()


@given(st.frozensets(st.tuples(st.sampled_from("abcx"), st.sampled_from("abcy")), max_size=8))
def test_sparse_and_dense_rows_give_the_same_circles(pairs: frozenset[tuple[str, str]]) -> None:
    rows = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.0, 0.8]])
    adjacency = network(["a", "b", "c"], pairs)
    assert np.allclose(circles(rows, adjacency), circles(sparse.csr_array(rows), adjacency).toarray())


def test_the_mean_of_no_statements_is_zero() -> None:
    rows = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    means = mean_rows(rows, [np.array([0, 1]), np.array([], dtype=np.int64)])
    assert np.allclose(means, [[np.sqrt(0.5)] * 2, [0, 0]])


def test_partners_of_partners_carry_a_text_to_who_never_wrote_one() -> None:
    people = people_of("wine cellar barrel", "", "barrel oak wine", "solar panel glass")
    vectors = {text: embed(text) for p in people for text in statements_of(p)}
    found = signals(people, {}, frozenset({("1", "x"), ("2", "x")}), vectors, np.array([0]))
    assert found["circle"][0, 1] > 0 == found["circle"][0, 3]
    assert found["words"][0, 1] == 0
