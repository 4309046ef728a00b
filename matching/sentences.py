"""A plain sentence splitter for the ten languages of the network; every sentence is a verbatim slice of the text."""

import re
from collections.abc import Iterator

SHORTEST, LONGEST = 24, 320  # characters; shorter ones join a neighbour, longer ones are cut at a pause

# Written with a full stop and followed by more of the same sentence. Lower case, without the final stop.
ABBREVIATIONS = frozenset(
    word
    for line in """
    approx al dept dr e.g est etc fig i.e inc ltd mr mrs ms prof vs
    abs abt bspw bzgl bzw ca co d.h dipl evtl exkl ggf gmbh ing inkl mind mio mrd nr str tel u.a usw vgl z.b z.t zzgl
    afd bijv blz dhr d.w.z enz i.v.m m.b.t mevr mln o.a resp t.a.v t/m
    avv dott ecc ing op.cit p.es pag s.p.a s.r.l sig sig.ra srl tel
    a.s apod atd č el ing mgr mj např odd popř s.r.o sb spol tj tř tzn tzv ul
    al dyr godz hab im inż itd itp jw lic m.in mld mgr np pl prof r św sp tj tys tzn ul wg
    a.d al doc g kl kt mln mlrd pan pav pvz š.m t.t t.y tūkst vad vnt žr
    bl.a d.v.s dvs etc fr.o.m f.d jfr kr milj m.fl m.m osv s.k t.ex t.o.m tfn
    dra eng exa lda ltda n.º p.ex pág prof sr sra séc
    jm jne jt k.a lk lp mh näit nt nn o.ü s.t tn
    """.splitlines()
    for word in line.split()
)
STOP = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+|\s*[\r\n]+\s*")
PAUSE = re.compile(r"(?<=[;:,–—])\s+|\s+")
OPENING = "\"'“„‚‘«»([{¿¡–-•"


def sentences(text: str) -> tuple[str, ...]:
    """Cut a text into its sentences, in order, each a verbatim slice of about 24 to 320 characters."""
    spans = join_short(text, list(sentence_spans(text)))
    return tuple(text[a:b] for span in spans for a, b in cut_long(text, *span))


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence, outer white space left out."""
    start = len(text) - len(text.lstrip())
    for stop in STOP.finditer(text, start):
        if stop.end() > start and is_boundary(text, stop):
            yield start, start + len(text[start : stop.end()].rstrip())
            start = stop.end()
    if text[start:].strip():
        yield start, len(text.rstrip())


def is_boundary(text: str, stop: re.Match[str]) -> bool:
    """Whether a sentence ends at this stop: not after an abbreviation, an initial or an ordinal number."""
    if "\n" in stop[0] or "\r" in stop[0]:
        return True
    following = text[stop.end() : stop.end() + 1]
    if not following or following.islower():
        return False
    if text[stop.start() - 1] != ".":
        return True
    words = text[: stop.start()].rstrip(".").split()
    word = words[-1].strip(OPENING) if words else ""
    # "z. B.", "Sp. z o.o.", "3. Platz": one letter, dots inside, or a number of one or two digits.
    abbreviated = len(word) < 2 or "." in word or word.lower() in ABBREVIATIONS
    return not abbreviated and not (word.isdigit() and len(word) < 3)


def join_short(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Let a sentence that is too short to mean anything alone join the one before it, or the one after."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        short = joined and min(end - start, joined[-1][1] - joined[-1][0]) < SHORTEST
        if short and end - joined[-1][0] <= LONGEST:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def cut_long(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut an overlong sentence at its last pause (else space, else letter) within the limit."""
    while end - start > LONGEST:
        pauses = list(PAUSE.finditer(text, start + LONGEST // 3, start + LONGEST))
        marked = [p for p in pauses if text[p.start() - 1] in ";:,–—"]
        cut = (marked or pauses)[-1] if pauses else None
        yield start, cut.start() if cut else start + LONGEST
        start = cut.end() if cut else start + LONGEST
    yield start, end
