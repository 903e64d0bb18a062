"""The people of a customer, some of whom write under several names: in full, by first name, by mail address."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

ADDRESS_KEY = "author_address"
"""Metadata with the mail address of an author whose name the source has beside it."""
_ADDRESS = r"[\w.+'&/=-]+@[\w-]+(?:\.[\w-]+)+"
_BARE = re.compile(rf"\s*<?(?P<address>{_ADDRESS})>?\s*")
_NAMED = re.compile(
    rf"\s*[\"']?(?P<name>[^\"<>@()\[\]]*[^\"'<>@()\[\]\s])[\"']?\s*[<(\[](?:mailto:)?(?P<address>{_ADDRESS})[>)\]]\s*"
)
_BEFORE = re.compile(rf"\s*(?P<address>{_ADDRESS})\s*\((?P<name>[^()@]*[^()@\s])\s*\)\s*")
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae", "ł": "l"})


class Author(NamedTuple):
    """The author of an interaction."""

    name: str
    """Empty if the source has the address alone."""
    address: str
    """In lower case; empty if the source has none."""


class Contact(NamedTuple):
    """A person of a customer."""

    name: str
    """The fullest name, or the address if there is no name."""
    authors: frozenset[Author]
    """The names and addresses under which the person writes."""


def author_of(text: str) -> Author:
    """Takes `Name <address>`, `Name (address)`, `address (Name)`, an address or a name apart."""
    if "@" in text:
        for form in (_NAMED, _BEFORE):
            if match := form.fullmatch(text):
                return Author(match["name"].strip(), match["address"].casefold())
        if match := _BARE.fullmatch(text):
            return Author("", match["address"].casefold())
    return Author(text.strip(), "")


def stored_author(author: str, metadata: Mapping[str, str]) -> Author:
    """Returns the author of a stored interaction."""
    name, address = author_of(author)
    return Author(name, address or metadata.get(ADDRESS_KEY, ""))


def contacts_of(authors: Iterable[Author]) -> list[Contact]:
    """Returns the people of one customer.

    Authors with one address are one person, and so are authors with one full name. An address without a name belongs
    to the person whose name it spells (`ana.lopez@`), and a single word (`Ana`) to the only person with it in the name.

    Args:
        authors: the author of each message.
    """
    counts = Counter(authors)
    groups: dict[str, str] = {}

    def root(key: str) -> str:
        while groups.setdefault(key, key) != key:
            key = groups[key]
        return key

    keys = {author: _keys(author) for author in counts}
    for own in keys.values():
        for key in own:
            groups[root(key)] = root(own[0])
    full = [author for author in counts if _is_full(author.name)]
    by_local = {_words(author.name): keys[author][0] for author in full}
    for author, own in keys.items():
        spelled = by_local.get(_words(author.address.partition("@")[0]))
        if spelled and not author.name:
            groups[root(own[0])] = root(spelled)
    for author, own in keys.items():
        if author.name and not author.address and not _is_full(author.name):
            [word] = _words(author.name) or ("",)
            people = {root(keys[other][0]) for other in full if word in _words(other.name)}
            if len(people) == 1:
                groups[root(own[0])] = people.pop()
    members: dict[str, list[Author]] = {}
    for author in counts:
        members.setdefault(root(keys[author][0]), []).append(author)
    return [Contact(_name(of, counts), frozenset(of)) for of in members.values()]


def _keys(author: Author) -> list[str]:
    """Returns what identifies an author: the address, and a full name, or a single word if there is no address."""
    named = _is_full(author.name) or not author.address
    name = " ".join(_words(author.name)) or author.name
    return [*([author.address] * bool(author.address)), *([f"name {name}"] * named)]


def _is_full(name: str) -> bool:
    return len(_words(name)) > 1


def _words(text: str) -> tuple[str, ...]:
    """Returns the words of a name, in any order and spelling: `Dreßler, Maik` is `maik.dressler`."""
    plain = unicodedata.normalize("NFC", text).casefold().translate(_LETTERS)
    plain = "".join(letter for letter in unicodedata.normalize("NFD", plain) if not unicodedata.combining(letter))
    return tuple(sorted(re.findall(r"[^\W\d_]+", plain)))


def _name(authors: list[Author], counts: Mapping[Author, int]) -> str:
    named = [author for author in authors if author.name]
    if not named:
        return max(authors, key=lambda author: counts[author]).address
    return max(named, key=lambda author: (len(_words(author.name)), counts[author], author.name)).name
