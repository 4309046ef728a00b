"""Texts per second of the encoder by arithmetic, beside plain sentence-transformers, and how near the vectors are."""

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from matching.encoder import Vectors, load_encoder, load_transformer
from matching.fingerprint import BUNDLED, precision

ENCODED = 64  # texts for the encoder's figure
ROUNDS = 3  # all arithmetics in turn; the least time of each counts
SENTENCES = {
    "en": (
        "We build quiet, light trailers for cargo bikes that can be converted within a day.",
        "We are looking for a partner who tests our sensors in old buildings over a whole winter.",
        "Our studio designs signs and guides for hospitals, museums and confusing railway stations.",
        "A retailer with its own workshop, at best near the coast, would suit us.",
        "We bring twelve years of experience with recycled glass and a small furnace.",
        "Distribution in Northern Europe is what we lack.",
    ),
    "de": (
        "Wir fertigen Anhänger und Aufbauten für Lastenräder, die sich an einem Tag umrüsten lassen.",
        "Gesucht wird ein Metallbetrieb, der dünne Rohre biegt und sauber verschweißt.",
        "Unsere Werkstatt in Leipzig entwickelt Beleuchtung für Ausstellungen, Theater und Schaufenster.",
        "Dazu bieten wir Schulungen für kleine Betriebe an, auch auf Englisch und Polnisch.",
        "Ein Hotel oder eine Klinik als Erprobungspartner wäre uns am liebsten.",
        "Holzfaserplatten aus Reststoffen, geprüft und lieferbar ab Frühjahr.",
    ),
    "it": (
        "Produciamo tessuti tecnici per la nautica e cerchiamo un marchio di abbigliamento sportivo.",
        "Il nostro laboratorio restaura mobili antichi con vernici a base d'acqua.",
        "Offriamo spazi per prove, un magazzino e una rete di artigiani in tutta la regione.",
        "Vorremmo lavorare con una scuola che insegni la stampa tridimensionale della ceramica.",
        "Servono esperti di imballaggi compostabili per alimenti freschi.",
        "Sviluppiamo un'applicazione che racconta i borghi ai visitatori nella loro lingua.",
    ),
    "pl": (
        "Robimy zdjęcia dachów z powietrza i wyznaczamy najlepsze miejsca na panele słoneczne.",
        "Szukamy szkoły, która wypróbuje naszą grę o oszczędzaniu wody w klasach czwartych.",
        "Nasza drukarnia przygotowuje krótkie serie etykiet na butelki, puszki i kartony.",
        "Zależy nam na odbiorcy w Niemczech albo w Czechach, najlepiej z własnym transportem.",
        "Oferujemy warsztaty, prototypy w dwa tygodnie i pomoc przy certyfikacji wyrobów.",
        "Potrzebny jest projektant opakowań do kosmetyków naturalnych.",
    ),
    "pt": (
        "Fazemos vinho de pequenas parcelas e queremos rótulos que contem a história da vinha.",
        "A nossa oficina reaproveita cortiça e plástico do mar para mobiliário de jardim.",
        "Procuramos uma empresa de programação que ligue a rega aos dados do tempo.",
        "Temos um auditório, duas salas de ensaio e contactos com festivais de música.",
        "Quem quiser testar produtos com famílias pode usar a nossa loja em Braga.",
        "Precisamos de um distribuidor para a Escandinávia.",
    ),
    "sv": (
        "Vi syr arbetskläder av hampa och vill prova dem på byggen under en hel vinter.",
        "Vårt företag mäter luft och ljud i skolor med små sensorer som inte behöver batterier.",
        "Vi söker en formgivare som kan göra instruktioner begripliga utan ord.",
        "Lokaler i hamnen, en båt och tjugo års erfarenhet av tång finns hos oss.",
        "En återförsäljare i Tyskland eller Nederländerna saknas fortfarande.",
        "Kokböcker och kurser för kök som vill slänga mindre mat.",
    ),
    "lt": (
        "Kuriame drabužius viešbučių darbuotojams ir ieškome, kas juos išbandytų visą vasarą.",
        "Mūsų dirbtuvės gamina medinius žaislus iš baldų pramonės atliekų.",
        "Siūlome vertimus, filmavimą dronu ir trumpus pasakojimus lankytojams.",
        "Reikia partnerio, kuris išmano prekybą internetu Lenkijoje ir Vokietijoje.",
        "Programuojame sandėlio sistemas mažoms kepykloms, pieninėms ir alaus darykloms.",
        "Ieškome keramikos krosnies.",
    ),
}


def sample(count: int, seed: int = 1) -> list[str]:
    """Distinct texts of 5 to 60 words as firms write them, each in one language."""
    draw = random.Random(seed)  # noqa: S311 - a sample, no secret
    found: dict[str, None] = {}
    while len(found) < count:
        sentences = SENTENCES[draw.choice(list(SENTENCES))]
        words = " ".join(draw.sample(sentences, len(sentences))).split()
        found[" ".join(words[: draw.randint(5, 60)])] = None
    return list(found)


def encoder_rates(home: Path) -> dict[str, object]:
    """By arithmetic: texts per second, texts per second of CPU time, least cosine to 'plain'.

    'plain' is SentenceTransformer.encode in float32 as it comes; 'chosen' names this machine's arithmetic.
    """
    texts = sample(ENCODED)
    plain = load_transformer(BUNDLED, home)
    ways: dict[str, Callable[[], Vectors]] = {"plain": lambda: np.asarray(plain.encode(texts, show_progress_bar=False))}
    for arithmetic in dict.fromkeys(("fp32", precision())):
        encoder = load_encoder(BUNDLED, home, arithmetic)
        ways[arithmetic] = partial(encoder.encode, texts)
    vectors = {name: way() for name, way in ways.items()}  # the first call sets up kernels
    times = [{name: clocks(way) for name, way in ways.items()} for _ in range(ROUNDS)]
    rates: dict[str, object] = {
        name: {
            "texts_per_second": round(ENCODED / min(one[name][0] for one in times), 1),
            "texts_per_cpu_second": round(ENCODED / min(one[name][1] for one in times), 1),
            "least_cosine": round(float((vectors[name] * vectors["plain"]).sum(axis=1).min()), 4),
        }
        for name in ways
    }
    return {"chosen": precision()} | rates


def clocks(task: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the wall and of CPU time that the task takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    task()
    return time.perf_counter() - wall, time.process_time() - cpu
