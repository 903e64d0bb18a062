"""Channels in which a customer must not be contacted, by the names and values of attributes.

Refusals forbid a channel if they say yes or since when (`do_not_call: yes`, `email_opt_out: 2026-01-31`); permissions
forbid it if they say no (`may_email: no`).
"""

import re
from collections.abc import Mapping
from typing import Literal, get_args

from churn_agent.domain.days import real_day

Medium = Literal["phone", "email", "sms", "post"]
_MEDIA: tuple[Medium, ...] = get_args(Medium)
MEDIA = frozenset(_MEDIA)
_WORDS: Mapping[str, str] = {
    "phone": r"calls?|phone|telephone|tel|anruf(?:en?)?|telefon(?:isch)?",
    "email": r"e_?mails?|mails?|mailen",
    "sms": r"sms|text_?messages?",
    "post": r"post|letters?|briefe?|briefpost",
    "all": r"contact(?:ed)?|kontakt(?:ieren)?",
}
_OF = "|".join(rf"(?P<{medium}>{words})" for medium, words in _WORDS.items())
_REFUSALS = (
    rf"(?:do_?not|dont|not_to_be|no|never|nicht|keine?)_?(?:{_OF})",
    rf"opt(?:ed)?_?out_(?:of_)?(?:{_OF})",
    rf"(?:{_OF})_(?:opt(?:ed)?_?out|refused|verboten)",
    rf"(?:{_OF})_?sperre",
)
_PERMISSIONS = (
    rf"(?:may|can|allows?|ok_to)_(?:be_)?(?:{_OF})",
    rf"(?:{_OF})_(?:permission|consent|allowed|opt_?in|ok|einwilligung|erlaubt|erlaubnis)",
    rf"(?:permission|consent|opt_?in|einwilligung|erlaubnis)_(?:to_|for_|zu_)?(?:{_OF})",
)
_SHORT: Mapping[str, Medium] = {"dnc": "phone", "unsubscribed": "email"}
_YES = frozenset("1 1.0 true yes y x ja wahr".split())
_NO = frozenset("0 0.0 false no n nein none never denied withdrawn falsch".split())
_MEANT: Mapping[str, Medium] = {"call": "phone", "telefon": "phone", "anruf": "phone", "mail": "email", "brief": "post"}
"""Parts of the names of a playbook's channels, besides the media's own names."""


def refused(attributes: Mapping[str, str]) -> frozenset[Medium]:
    """Returns the media in which a customer must not be contacted."""
    media: set[Medium] = set()
    for name, value in attributes.items():
        plain, answer = re.sub(r"[\s-]+", "_", name.strip().casefold()), value.strip().casefold()
        if answer in _YES or real_day(value):
            media.update(_named(plain, _REFUSALS))
            if plain in _SHORT:
                media.add(_SHORT[plain])
        elif answer in _NO:
            media.update(_named(plain, _PERMISSIONS))
    return frozenset(media)


def medium_of(channel: str) -> Medium | None:
    """Returns the medium of a playbook's channel, as `phone` for a video call; None for another channel."""
    plain = channel.casefold()
    for medium in _MEDIA:
        if medium in plain:
            return medium
    return next((medium for word, medium in _MEANT.items() if word in plain), None)


def _named(name: str, forms: tuple[str, ...]) -> set[Medium]:
    match = next((match for form in forms if (match := re.fullmatch(form, name))), None)
    if match is None:
        return set()
    return set(MEDIA) if match["all"] else {medium for medium in MEDIA if match[medium]}
