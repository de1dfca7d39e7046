"""Questions about the person as a whole: "What do you know about me?", in several languages.

A table, because nothing else finds them. Their words are in no fact, so words choose none; and they
are about every fact alike, so no fact is near them in meaning, least of all in other languages than
the embedder's English.
"""

import re
import unicodedata

_END = r"\b(?!\s+(?!(?:and|at|in|und|et|y|e|en|i|now|noch|so|please)\b)\w)"
"""No other word follows but one that may close: "remember me", not "remember me saying"."""

_PATTERNS = {
    "English": (
        r"\b(?:know|remember|learn(?:t|ed)?|heard|noted|saved|stored|said|facts?|information)\b"
        rf".{{0,30}}\b(?:about|of|on) (?:me|myself){_END}",
        r"\b(?:tell|say|write|talk|summar\w+|describe)\b"
        rf".{{0,40}}\b(?:about|of) (?:me|myself){_END}",
        r"\b(?:bio|biography|profile|portrait|introduction|summary)"
        rf" (?:of|about|for) (?:me|myself){_END}",
        rf"\bwho (?:am i|i am){_END}",
        rf"\b(?:know|remember|recogni[sz]e|describe|introduce|summari[sz]e) (?:me|myself){_END}",
        rf"\bmy (?:short |own )?(?:bio|biography|profile){_END}",
    ),
    "German": (
        r"\b(?:weisst|weiss|wissen|gemerkt|gelernt|erinnerst|erinnern|kennst|gespeichert)\b"
        rf".{{0,30}}\b(?:uber|von|an) (?:mich|mir){_END}",
        r"\b(?:uber|von|an) (?:mich|mir)\b"
        r".{0,30}\b(?:weisst|weiss|wissen|gemerkt|gelernt|gespeichert)\b",
        rf"\b(?:erzahl|sag|schreib|fass)\w*\b.{{0,40}}\b(?:uber mich|von mir){_END}",
        rf"\bwer (?:bin ich|ich bin){_END}",
        rf"\b(?:kennst du|kennen sie|beschreibe?|beschreiben sie) mich{_END}",
        rf"\b(?:biogra[fp]h?ie|steckbrief|profil|vorstellung) (?:von mir|uber mich){_END}",
    ),
    "French": (
        r"\b(?:sais|savez|retenu|appris|souviens|souvenez|parle[zr]?|dis|dites|raconte[zr]?|ecris)\b"
        rf".{{0,40}}\b(?:de|sur|a propos de) moi{_END}",
        rf"\bqui (?:suis[- ]je|je suis){_END}",
        rf"\b(?:tu|vous) me (?:connais|connaissez|reconnais){_END}",
        rf"\b(?:decris|decrivez|presente|presentez)-moi{_END}",
        rf"\b(?:biographie|bio|profil|portrait|presentation) (?:de|sur) moi{_END}",
    ),
    "Spanish": (
        r"\b(?:sabes?|recuerdas?|acuerdas?|aprendido|habla(?:me)?|cuenta(?:me)?|di(?:me)?|escribe)\b"
        rf".{{0,40}}\b(?:de|sobre|acerca de) mi{_END}",
        rf"\bquien soy(?: yo)?{_END}",
        rf"\bme (?:conoces|recuerdas){_END}|\bdescribeme{_END}|\bpresentame{_END}",
        rf"\b(?:biografia|perfil|retrato|resumen) (?:de|sobre) mi{_END}",
    ),
    "Italian": (
        r"\b(?:sai|ricordi|imparato|parla(?:mi)?|racconta(?:mi)?|dimmi|scrivi)\b"
        rf".{{0,40}}\b(?:di|su|riguardo a) me(?: stess[oa])?{_END}",
        rf"\bchi sono(?: io)?{_END}|\bmi (?:conosci|riconosci){_END}|\bdescrivimi{_END}",
        rf"\b(?:biografia|profilo|ritratto|presentazione) (?:di|su) me{_END}",
    ),
    "Portuguese": (
        r"\b(?:sabes?|lembras?|aprendeu|fala|fale|conta|conte|diz|diga|escreve|escreva)\b"
        rf".{{0,40}}\b(?:de|sobre|acerca de) mim{_END}",
        rf"\bquem (?:sou eu|eu sou){_END}|\b(?:conheces-me|me conhece|descreve-me){_END}",
        rf"\b(?:biografia|perfil|retrato|resumo) (?:de|sobre) mim{_END}",
    ),
    "Dutch": (
        r"\b(?:weet|onthouden|geleerd|vertel|zeg|schrijf)\b"
        rf".{{0,40}}\b(?:over|van) (?:mij|me|mezelf|mijzelf){_END}",
        rf"\bwie (?:ben ik|ik ben){_END}",
        rf"\b(?:ken je|herinner je je|beschrijf) (?:mij|me){_END}",
        rf"\b(?:biografie|bio|profiel|portret) (?:van|over) (?:mij|mezelf){_END}",
    ),
    "Polish": (
        r"\bo mnie\b.{0,20}\b(?:wiesz|pamietasz)\b",
        rf"\b(?:wiesz|pamietasz|opowiedz|powiedz|napisz)\b.{{0,40}}\bo mnie{_END}",
        rf"\bkim (?:ja )?jestem{_END}|\b(?:znasz|pamietasz|opisz) mnie{_END}",
    ),
}
_ANY = re.compile("|".join(pattern for language in _PATTERNS.values() for pattern in language))
MAX_CHARACTERS = 300
"""A longer message is about something of its own, whatever it says on the way."""


def asks_about_the_person(text: str) -> bool:
    """Whether a message asks for all that is known of the person, rather than for something."""
    return len(text) <= MAX_CHARACTERS and _ANY.search(_plain(text)) is not None


def _plain(text: str) -> str:
    """Small letters without accents, as many people type: "que sabes de mi"."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())
