"""Footers that clients, firms and mailing lists put below mails, and banners above them.

A block between blank lines is marked as a whole or not at all: each of its lines, or each sentence of a notice, has to
be one that no person writes by hand.
"""

import re
from functools import cache

from churn_agent.ingest.cleaning.lines import Line, without_emphasis
from churn_agent.ingest.cleaning.words import any_of, pattern, words

_LONGEST = 4000
_MOST_WORDS = 12
_SHORTEST_NOTICE = 80
_LONGEST_BANNER = 500
_TITLE = 25
"""Most characters of a title, which needs no word of a notice."""
_LINK = re.compile(r"<?https?://\S+")
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=\S)")


def mark_footers(lines: list[Line]) -> bool:
    """Marks blocks of boilerplate at the end of the words that are not marked, and a banner at their beginning.

    Returns:
        Whether there are any.
    """
    blocks = _blocks(lines)
    marked: list[int] = []
    while len(blocks) > 1 and is_boilerplate([lines[number].bare for number in blocks[-1]]):
        marked += blocks.pop()
    if blocks and len(blocks[-1]) > 1:
        marked += _last_line(lines, blocks[-1])
    if len(blocks) > 1 and _is_banner(" ".join(lines[number].bare for number in blocks[0])):
        marked += blocks[0]
    for number in marked:
        lines[number].kind = "footer"
    return bool(marked)


def _last_line(lines: list[Line], block: list[int]) -> list[int]:
    """The line of a client at the end of a block, as phones put it without a blank line, and a rule above it."""
    if not is_boilerplate([lines[block[-1]].bare]):
        return []
    above = lines[block[-2]].bare
    with_rule = len(block) > 2 and _matches("beside", above) and not any(map(str.isalpha, above))
    return block[-2:] if with_rule else block[-1:]


def is_boilerplate(block: list[str]) -> bool:
    """Whether all lines of a block are known boilerplate, or all its sentences are."""
    if sum(map(len, block)) > _LONGEST:
        return False
    bare = [without_emphasis(line).strip() for line in block]
    whole = " ".join(bare)
    return _all_known(bare) or _all_known(_SENTENCES.split(whole)) or _is_notice(whole) or _is_banner(whole)


def _all_known(lines: list[str]) -> bool:
    core = [_is_known(line) for line in lines]
    return any(core) and all(known or _matches("beside", line) for known, line in zip(core, lines, strict=True))


def _is_known(line: str) -> bool:
    return _matches("footers", line) or (_matches("client", line) and _names_a_client(line))


def _names_a_client(line: str) -> bool:
    """Whether the line ends with a device or a client, and says nothing more."""
    if len(line.split()) > _MOST_WORDS or _SENTENCES.search(line) or any(sign in line for sign in ";!?"):
        return False
    addressed = set(words()["pronouns"]["any_case"]) - set(words()["pronouns"]["first_person"])
    tokens = [token.strip(".,()") for token in _LINK.sub("", line).split()]
    if addressed & {token.casefold() for token in tokens}:
        return False
    devices = [number for number, token in enumerate(tokens) if pattern("devices").search(token)]
    tail = tokens[devices[-1] + 1 :] if devices else []
    return all(not token.islower() or token in words()["client_tail"] for token in tail)


def _matches(listed: str, line: str) -> bool:
    return pattern(listed).fullmatch(line) is not None


def _is_notice(text: str) -> bool:
    if len(text) < _SHORTEST_NOTICE or not _notice().match(text) or _first_person().search(text):
        return False
    matched = {match[0].casefold() for match in pattern("notice_words").finditer(text)}
    return len(matched) >= 3 and bool(pattern("notice_core").search(text)) and _all_sentences_have(text, "notice_words")


def _is_banner(text: str) -> bool:
    if len(text) > _LONGEST_BANNER or not _banner().match(text) or _first_person().search(text):
        return False
    return _all_sentences_have(text, "banner_words")


def _all_sentences_have(text: str, listed: str) -> bool:
    return all(pattern(listed).search(sentence) for sentence in _SENTENCES.split(text) if len(sentence) > _TITLE)


def _blocks(lines: list[Line]) -> list[list[int]]:
    """The numbers of lines that are not marked, in groups between blank lines and marked ones."""
    blocks: list[list[int]] = []
    for number, line in enumerate(lines):
        if not line.own:
            continue
        if blocks and blocks[-1][-1] == number - 1:
            blocks[-1].append(number)
        else:
            blocks.append([number])
    return blocks


@cache
def _notice() -> re.Pattern[str]:
    titles, starts = "|".join(words()["notice_titles"]), "|".join(words()["notices"])
    return re.compile(rf"(?:\W*(?:{titles})\b[^.]{{0,40}}[:.-]\s*)?(?:{starts})\b", re.IGNORECASE)


@cache
def _banner() -> re.Pattern[str]:
    titles, starts = "|".join(words()["banner_titles"]), "|".join(words()["banners"])
    return re.compile(rf"(?:\[?(?:{titles})\b.{{0,30}}[\]:!-]\s*)?(?:{starts})\b", re.IGNORECASE)


@cache
def _first_person() -> re.Pattern[str]:
    return re.compile(any_of(words()["pronouns"]["first_person"]), re.IGNORECASE)
