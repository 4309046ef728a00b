import pytest

from matching.language import language_of


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "a clinic with a confusing building that lets us change one wing"),
        ("de", "eine Werkstatt, die dünne Rohre in kleinen Serien biegt und schweißt"),
        ("nl", "een prettig waarschuwingsgeluid voor zware fietsen tussen de voetgangers"),
        ("sv", "varningsljud för tysta elfordon som hörs av fotgängare men inte stör"),
        ("it", "un monumento industriale con storie di operai ancora da raccogliere"),
        ("pt", "uma fábrica a vapor com operários antigos, boa para filmar"),
        ("pl", "kampania, która przekona mieszkańców jeszcze przed głosowaniem"),
        ("cs", "montážní firma s jižní stěnou a odvahou postavit první solární fasádu"),
        ("lt", "leidėjas, kuris iš mūsų receptų padarytų virtuvės knygą"),
        ("et", "ehitusfirma, kes paigaldab looduslikku isolatsiooni ja mõõdab tulemust"),
        ("", "VR 360 demo"),
        ("", ""),
    ],
)
def test_the_language_of_a_statement(language: str, text: str) -> None:
    assert language_of([text]) == language


def test_short_texts_are_told_together() -> None:
    assert language_of(["neue Spiele", "für Kliniken", "mit Musik", "und Ton"]) == "de"
