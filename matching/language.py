"""Which of the network's ten languages a text is written in, by its function words and letters.

Needed only to take out each language's own mean from its vectors (see background.centred), so a wrong guess costs a
little precision and nothing else; '' means no guess.
"""

import re
from collections.abc import Sequence

WORDS = {
    "en": """a about all an and any are as at be between but by can do each every for from has have how in into
        is it its many more new not of on one or our out own so that the their them they this to us we what
        where which who whose will with without work you your""",
    "de": """aber alle als am an auch auf aus bei bis das dass dem den der des die diese durch ein eine einem
        einen einer für gegen haben ihre im in ist jede kein mit nach nicht noch nur oder ohne sich sie sind
        und uns unsere vom von vor was wenn wer wie wir wird zu zum zur über""",
    "nl": """aan als bij dat de die dit door een elke en er geen gezocht haar het hun in is je kan met naar niet
        nog of om onder ons onze ook op over samen te tot tussen uit van voor waar wat we wij worden zich
        zij zijn zonder""",
    "sv": """alla att av av den det där efter eller en ett från för före förslag han har hos hur i inte kan med
        mellan men när och om oss på samt ska som sig sina så till under upp ur utan vad var vi vid vill vår
        våra är över""",
    "it": """a al alla alle anche che chi ci come con così da dal dalla dei del della delle di dove e ed fino gli
        i il in la le loro lo ma nei nel nella noi non nostri o ogni per perché più può quando se sei senza
        si sono su sui sul sulla tra un una uno""",
    "pt": """a ao aos as até com como da das de depois do dos e em entre essa esta foi já mais mas na nas nem no
        nos nossa nossas nosso não o onde os ou para pela pelo por que quem se sem ser seu sua são só também
        temos um uma uns você à""",
    "pl": """a albo ale bez być co czy dla do gdzie i ich jak jest już każdy która które który lub ma mamy może
        na nad nam nas nasz nasze nie o od oraz po pod przed przez przy są się tak te to tylko u w we z za
        ze że""",
    "cs": """a aby ale až bez by být co do i jak jako je jejich jen jsme jsou k kde kteří která které který má
        máme mezi na nad naše nebo nejsou o od pak po pod pro proti před při s se si své ta tak to u v ve z
        za ze že""",
    "lt": """apie ar arba be bei bet būti dar dėl gali ir iš jau ji jie juos jų kad kai kaip kas kur kurie kuris
        mes mums mūsu mūsų ne nei net nuo o pagal per po prie prieš savo su tai tarp tik turi už yra į""",
    "et": """aga alla ei ehk et ette ilma ise iga ja juba juures kes kogu koos kui kuid kus meie meil mida mille
        mis mitte ning nii nende oma on olla pealt peale pole saab see selle siis sisse ta teeb tema või
        välja üks üle üles""",
}
NAMES = {
    "cs": "Czech",
    "de": "German",
    "en": "English",
    "et": "Estonian",
    "it": "Italian",
    "lt": "Lithuanian",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "sv": "Swedish",
}
LETTERS = {
    "de": "ßäöü",
    "nl": "",
    "sv": "åäö",
    "it": "àèìòù",
    "pt": "ãõçáâêéíóú",
    "pl": "ąćęłńóśźż",
    "cs": "ěščřžýáíéůúťďň",
    "lt": "ąčęėįšųūž",
    "et": "õäöü",
}
PER_WORD = {word: [code for code in WORDS if word in WORDS[code].split()] for word in " ".join(WORDS.values()).split()}
PER_LETTER = {letter: [code for code in LETTERS if letter in LETTERS[code]] for letter in "".join(LETTERS.values())}
SURE = 1.5  # votes a language must have, and lead by half, to be named


def language_of(parts: Sequence[str]) -> str:
    """The language most function words and letters of these texts speak for (ISO 639-1), '' if none clearly does."""
    votes = dict.fromkeys(WORDS, 0.0)
    for word in re.findall(r"[^\W\d_]+", " ".join(parts).lower()):
        for found in (PER_WORD.get(word, []), *(PER_LETTER[letter] for letter in set(word) & PER_LETTER.keys())):
            for code in found:
                votes[code] += 1 / len(found)
    first, second = sorted(votes, key=lambda code: (-votes[code], code))[:2]
    return first if votes[first] >= max(SURE, 1.5 * votes[second]) else ""
