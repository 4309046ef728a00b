"""Names of firms, compared as a person would: the legal form is no part of who they are."""

import re

from broker.domain.keys import text_key

MAX_KEY = 200
FORMS = """
gmbh; ggmbh; mbh; gesmbh; ges m b h; g m b h; gesellschaft mbh; gesellschaft mit beschrankter haftung; gmbh co kg; co kg
ag; aktiengesellschaft; ug; ug haftungsbeschrankt; haftungsbeschrankt; kg; kgaa; ohg; og; gbr; ev; e v; ek; e k; eg; e g
eu; e u; se; partg; eingetragener verein
ltd; limited; plc; p l c; llp; cic; c i c; inc; llc; corp
bv; b v; nv; n v; vof; v o f; cv; c v; ua; u a; besloten vennootschap
srl; s r l; srls; s r l s; spa; s p a; snc; s n c; sas; s a s; soc coop; societa cooperativa; societa per azioni
societa a responsabilita limitata
ou; osauhing; as; aktsiaselts; mtu; fie; tu; uu
sp z o o; spzoo; spolka z o o; spolka z ograniczona odpowiedzialnoscia; sa; s a; spolka akcyjna; psa; p s a
sp k; sp j; s c; spolka komandytowa; spolka jawna
uab; ab; mb; vsi; ii; uzdaroji akcine bendrove; akcine bendrove; mazoji bendrija; viesoji istaiga
aktiebolag; ab publ; hb; handelsbolag; kb; ek for
lda; limitada; unipessoal lda; unipessoal; sociedade anonima
sro; s r o; spol s r o; spolecnost s rucenim omezenym; as; a s; akciova spolecnost; vos; v o s
zs; z s; zu; z u; ops; o p s
"""
"""Legal forms of our ten countries as keys, with and without their dots."""
BEFORE = frozenset({"uab", "ab", "mb", "vsi", "ii", "ou", "as", "mtu", "fie", "srl", "s r l", "spa", "s p a"})
"""Forms that stand before the name in some countries: UAB Skaidra, AS Tallink."""


def name_key(name: str) -> str:
    """`name` without case, accents, punctuation and legal form, at most 200 long and never empty."""
    words = text_key(name).split()
    while size := _form_at_end(words):
        words = words[:-size]
    while size := _form_at_start(words):
        words = words[size:]
    return (" ".join(words) or " ".join(name.casefold().split()) or "-")[:MAX_KEY]


ENDINGS = frozenset(tuple(form.split()) for line in FORMS.splitlines() for form in line.split(";") if form.strip())
LONGEST = max(map(len, ENDINGS))


def _form_at_end(words: list[str]) -> int:
    """How many of the last words are a legal form; 0 where nothing would be left of the name."""
    sizes = range(min(LONGEST, len(words) - 1), 0, -1)
    return next((size for size in sizes if tuple(words[-size:]) in ENDINGS), 0)


def _form_at_start(words: list[str]) -> int:
    sizes = range(min(LONGEST, len(words) - 1), 0, -1)
    return next((size for size in sizes if " ".join(words[:size]) in BEFORE), 0)


def unnamed(text: str, name: str) -> str:
    """`text` without the firm's name, for readers who are not to know it yet; only the whole name is found."""
    spaced = r"\s+".join(map(re.escape, name.split()))
    return re.sub(rf"(?<!\w){spaced}(?!\w)", "…", text, flags=re.IGNORECASE) if spaced else text
