from broker.domain.criteria import CRITERIA
from matching import Weights


def test_every_criterion_of_the_engine_has_its_words() -> None:
    assert set(CRITERIA) == set(Weights().shares(history=True))
    assert all(label.strip() and meaning.endswith(".") for label, meaning in CRITERIA.values())
