"""The length of a contract, from the words for its term in seven languages.

A term is parsed only if every part of it is known, as in "12 months" and "Jahresvertrag". "3 months' notice" and "no
fixed term" are not parsed, because a wrong length is worse than none.
"""

import re

_NUMBERS = {
    0.5: "half halb halbe halbes semi",
    1.0: "one ein eine einen einem einer eines un une una uno een één um uma",
    2.0: "two zwei deux dos due twee dois duas",
    3.0: "three drei trois tres tre drie três",
    4.0: "four vier quatre cuatro quattro quatro",
    5.0: "five fünf cinq cinco cinque vijf",
    6.0: "six sechs seis sei zes",
    10.0: "ten zehn",
    12.0: "twelve zwölf douze doce dodici twaalf doze",
    18.0: "eighteen achtzehn dix-huit dieciocho diciotto achttien dezoito",
    24.0: "vierundzwanzig vingt-quatre veinticuatro ventiquattro vierentwintig",
    36.0: "sechsunddreissig trente-six",
}
_UNITS = {
    1 / 31: """day days daily tag tage tagen täglich jour jours día días dia dias giorno giorni dag dagen""",
    7 / 31: """week weeks weekly woche wochen wöchentlich semaine semaines hebdomadaire semana semanas semanal settimana
        settimane settimanale weken wekelijks""",
    1.0: """month months monthly mo mos mth mths monat monate monaten monats monatlich monatig monatige monatiger mois
        mensuel mensuelle mensuellement mes meses mensual mensualmente mese mesi mensile mensilmente maand maanden
        maandelijks maandelijkse mês mensal mensalmente""",
    2.0: "bimestral bimestrale bimestriel bimestrielle",
    3.0: """quarter quarters quarterly quartal quartale quartals vierteljahr vierteljährlich trimestre trimestres
        trimestriel trimestrielle trimestral trimestrale kwartaal kwartalen""",
    6.0: """semestre semestres semestriel semestrielle semestral semestrale halbjahr halbjahre halfjaar halfjaarlijks
        halfjaarlijkse""",
    12.0: """year years yearly yr yrs annual annually jahr jahre jahren jahres jährlich jährig jährige jähriger an ans
        année années annuel annuelle annuellement año años anual anualmente anno anni annuale annualmente jaar jaren
        jaarlijks jaarlijkse ano anos""",
    24.0: "biennial biennially",
}
"""Months -> words for them; 31 days make a month, so that "30 days" and "1 month" are alike."""
_CANCELLABLE = "cancellable cancelable kündbar résiliable opzegbaar cancelável"
_OTHERS = """a an the to by per and with of on for at in least minimum fixed rolling term contract agreement commitment
plan subscription membership billed billing pay paid payment renewing mit und von für auf der die das pro zu mindestens
laufzeit mindestlaufzeit vertragslaufzeit vertrag abo abonnement abrechnung zahlung fest feste
contrat engagement durée minimum minimale de d du à et avec par facturé facturée facturation paiement formule
contrato permanencia compromiso mínima mínimo con por facturación pago suscripción plazo y
contratto vincolo durata minima di al e abbonamento fatturazione pagamento
looptijd minimale contractduur duur van met en betaling facturatie
fidelização fidelidade prazo com plano pagamento faturação assinatura"""
"""Words that do not change the length."""


def _any_of(words: str) -> str:
    return "|".join(sorted(words.split(), key=len, reverse=True))


_VALUES = {word: value for table in (_NUMBERS, _UNITS) for value, words in table.items() for word in words.split()}
_DURATION = re.compile(r"P(?:(?P<y>\d+)Y)?(?:(?P<m>\d+)M)?(?:(?P<w>\d+)W)?(?:(?P<d>\d+)D)?", re.IGNORECASE)
"""ISO 8601: `P1Y6M`."""
_SHORT = re.compile(r"(?P<number>\d+)\s?(?P<unit>[my])", re.IGNORECASE)
"""`12M`, `2y`."""
_AT_ANY_TIME = re.compile(
    r"jederzeit kündbar|cancel(?:l?able)? (?:at )?any ?time|résiliable à tout moment|cancelable en cualquier momento"
    r"|(?:altijd|op elk moment) opzegbaar|cancelável a qualquer momento|\bm2m\b|\bmtm\b"
)
_SHORT_NOTICE = "cancellable monthly"
_ONLY_AFTER_NUMBER = frozenset({"an", "ans"})
"""Years in French; `an` is also an English article."""
_PART = re.compile(
    rf"(?P<unit>{_any_of(' '.join(_UNITS.values()))})"  # before numbers: "vier" begins "vierteljährlich"
    rf"|(?P<number>\d+(?:[.,]\d+)?|{_any_of(' '.join(_NUMBERS.values()))})"
    rf"|(?P<cancellable>{_any_of(_CANCELLABLE)})"
    rf"|(?P<other>{_any_of(_OTHERS)})"
    r"|[\W_]+"
)
"""German runs words together ("Zweijahresvertrag"), so parts need not end where words end."""
_TO_UNIT = re.compile(r"\s+|[-_\u2010\u2011]")
"""Allowed between a number and its unit."""


def months(term: str) -> float | None:
    """The number of months for which a contract binds the customer; None if the term cannot be parsed.

    A number multiplies the unit after it ("24 Monate"), and a unit without a number counts once ("annual"). Of several
    lengths, the longest counts: "monthly, 12-month commitment" and "annual, billed monthly" are both 12. If a
    cancellable contract names several lengths, their meaning is unclear and the result is None.

    Example:
        >>> months("Two year"), months("month-to-month"), months("Premium")
        (24.0, 1.0, None)
    """
    duration = _DURATION.fullmatch(term.strip())
    if duration and duration.lastgroup:
        years, more, weeks, days = (int(count or 0) for count in duration.groups())
        return 12.0 * years + more + (7 * weeks + days) / 31 or None
    short = _SHORT.fullmatch(term.strip())
    if short:
        return float(short["number"]) * (12 if short["unit"] in "yY" else 1) or None
    return _months_in_words(_AT_ANY_TIME.sub(_SHORT_NOTICE, term.casefold()))


def _months_in_words(text: str) -> float | None:
    lengths: list[float] = []
    number: float | None = None
    cancellable = False
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return None
        at = part.end()
        match part.lastgroup:
            case "unit" if number is None and part[0] in _ONLY_AFTER_NUMBER:
                pass
            case "unit":
                lengths.append((1.0 if number is None else number) * _VALUES[part[0]])
                number = None
            case "number" if number is None:
                number = _VALUES.get(part[0]) or float(part[0].replace(",", "."))
            case None if number is None or _TO_UNIT.fullmatch(part[0]):
                pass
            case "cancellable" | "other" if number is None:
                cancellable |= part.lastgroup == "cancellable"
            case _:  # a number without a unit
                return None
    if number is not None or not lengths or (cancellable and len(set(lengths)) > 1):
        return None
    return max(lengths) or None
