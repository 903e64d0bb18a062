"""Visible text of HTML, and which of its lines mail clients have declared as quotes."""

import html
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, cast

NOT_CITED, BLOCKQUOTE, CITED = 0, 1, 2
"""What HTML says of a line: nothing; it is in a block quote, perhaps an indented paragraph; a client has quoted it."""

_TAG = re.compile(
    r"</?(?:html|head|body|div|span|p|br|hr|a|b|i|u|em|strong|ul|ol|li|table|tbody|thead|tr|td|th|h[1-6]|img|font|pre|"
    r"blockquote|center|section|article|aside)(?:\s+[\w:-]+\s*=[^<>]*)?\s*/?>",
    re.IGNORECASE,
)
_BLOCK = re.compile(
    r"</?(?:html|head|body|div|p|hr|ul|ol|li|table|tbody|thead|tr|td|th|h[1-6]|pre|blockquote|style|script|center|section|"
    r"article|aside)\b",
    re.IGNORECASE,
)
_BREAK = re.compile(r"[ \t]*<br\b[^<>]{0,200}>[ \t]*\n?", re.IGNORECASE)
_INLINE = re.compile(r"</?(?:span|a|b|i|u|em|strong|img|font)(?:\s+[\w:-]+\s*=[^<>]*)?\s*/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{2,7}|#x[0-9a-f]{2,6}|[a-z]{2,8});", re.IGNORECASE)
_ADDRESS = re.compile(r"<(?=(?:mailto:|https?://)?[^\s<>\"'=]{1,100}@[^\s<>\"'=]{1,100}>|https?://[^\s<>\"']{1,300}>)")
_TAG_NAME = re.compile(r"<(?=/?([a-z][\w:.-]*))", re.IGNORECASE)
_WORDS_INSIDE = re.compile(
    r"[a-z][\w:.-]*(?:(?:\s+(?!(?:nowrap|noshade|compact|disabled|checked|selected|readonly|multiple|async|defer|hidden|"
    r"reversed|required|autoplay|controls|loop|muted|novalidate|open|ismap|allowfullscreen|itemscope|border)\b)"
    r"[^\s<>=\"'/]+)+\s*>|(?:\s+[^\s<>=\"'/]+)*\s*(?:<|$))",
    re.IGNORECASE,
)
"""Words without `=` up to `>`, which no program writes into a tag, or a tag that nothing closes."""
_HIDING = frozenset("script style title textarea iframe noframes noembed xmp".split())
"""Elements that take all that follows for their content."""
_PREFIX = re.compile(r"^(?:x_)+", re.IGNORECASE)
_LINE_START = re.compile(r"^([ \t\xa0]*)(?=\S)", re.MULTILINE)

_QUOTES = frozenset(
    """gmail_attr moz-cite-prefix yahoo_quoted protonmail_quote zmail_extra outlookmessageheader front-blockquote
    mail_quote quoted-text ydp-yahoo-quoted yahoo-quoted-begin sh-quoted-content bbcode_quote bbcodeblock--quote
    ipsquote""".split()
)
"""Classes and ids of what clients of mail and forums quote."""
_CONTAINERS = frozenset("gmail_quote gmail_quote_container".split())
"""Classes of elements in which the block quotes are quoted, and answers may lie between them."""
_HEADS = frozenset("divrplyfwdmsg appendonsend mail-editor-reference-message-container olk_src_body_section".split())
"""Ids of what stands above the quoted mail; what follows is quoted."""


def is_html(text: str) -> bool:
    """Whether a text has tags of HTML."""
    return "<" in text and _TAG.search(text) is not None


def visible(text: str) -> tuple[str, list[int] | None]:
    """Returns the text that a reader sees.

    Args:
        text: HTML, or plain text that may have entities or a few tags. Newlines of the latter are kept.

    Returns:
        The text, and for each of its lines `NOT_CITED`, `BLOCKQUOTE` or `CITED`; None if it quotes nothing.
    """
    if not is_html(text):
        return _unescaped(text), None
    if "\n" in text.strip() and not _BLOCK.search(text):
        return _unescaped(_INLINE.sub("", _BREAK.sub("\n", text))).strip(), None
    from lxml.etree import LxmlError  # pyright: ignore[reportUnknownVariableType]

    try:
        return _rendered(text)
    except (LxmlError, ValueError):  # not HTML after all
        return text, None


def _unescaped(text: str) -> str:
    return html.unescape(text) if "&" in text and _ENTITY.search(text) else text


def _rendered(text: str) -> tuple[str, list[int] | None]:
    from inscriptis.html_engine import Inscriptis  # pyright: ignore[reportMissingTypeStubs]
    from lxml.html import HTMLParser, document_fromstring  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    source = _TAG_NAME.sub(_tag_or_text, _ADDRESS.sub("&lt;", text.strip().removeprefix("\ufeff")))
    tree = cast("Any", document_fromstring(source.encode(), parser=HTMLParser(encoding="utf-8", huge_tree=True)))
    signs = _unused(text)
    _mark_quotes(tree, signs)
    try:
        rendered: str = Inscriptis(tree).get_text()
    except RecursionError:  # nested a thousand deep
        rendered = "\n".join(tree.itertext())
    kept: list[tuple[str, int]] = []
    for line in map(str.strip, rendered.splitlines()):
        level = CITED if signs[1] in line else BLOCKQUOTE if signs[0] in line else NOT_CITED
        seen = line.replace(signs[0], "").replace(signs[1], "").strip() if level else line
        if seen or (kept and kept[-1][0]):
            kept.append((seen, level))
    if kept and not kept[-1][0]:
        kept.pop()
    return "\n".join(line for line, _ in kept), [level for _, level in kept]


def _tag_or_text(match: re.Match[str]) -> str:
    """Escapes the `<` of what is not a tag: `List<Order>`, `a<b and c>d`, a `<script>` without an end."""
    name = match[1].casefold()
    known = name in _known_tags() or ":" in name or "-" in name
    if not known or _WORDS_INSIDE.match(match.string, match.end()):
        return "&lt;"
    opens = name in _HIDING and match.string[match.end()] != "/"
    if opens and all(match.string.find(f"</{end}", match.end()) < 0 for end in (match[1], name)):
        return "&lt;"
    return "<"


@cache
def _known_tags() -> frozenset[str]:
    from lxml.html import defs  # pyright: ignore[reportMissingTypeStubs]

    return frozenset(defs.tags)


def _unused(text: str) -> tuple[str, str]:
    """Two characters for private use that the text does not have."""
    free = (chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in text)
    return next(free), next(free)


def _mark_quotes(tree: Any, signs: tuple[str, str]) -> None:
    """Puts a sign before each piece of text that is quoted, in the order of the document."""
    from lxml.etree import iterwalk  # pyright: ignore[reportUnknownVariableType]

    levels: list[int] = [NOT_CITED]
    steps = cast("Iterable[tuple[str, Any]]", iterwalk(tree, events=("start", "end", "comment", "pi")))
    for event, element in steps:
        if event == "start":
            names = _names(element)
            if names & _HEADS:
                levels = [CITED] * len(levels)
            levels.append(max(levels[-1], _level(element, names)))
            if element.tag not in ("style", "script", "title"):
                element.text = _signed(element.text, levels[-1], signs)
            continue
        if event == "end":
            levels.pop()
        element.tail = _signed(element.tail, levels[-1], signs)


def _signed(text: str | None, level: int, signs: tuple[str, str]) -> str | None:
    return _LINE_START.sub(rf"\1{signs[level - 1]}", text) if level and text and text.strip() else text


def _level(element: Any, names: set[str]) -> int:
    if element.tag == "blockquote":
        cited = (element.get("type") or "").lower() == "cite" or names & (_CONTAINERS | _QUOTES) or element.get("cite")
        return CITED if cited else BLOCKQUOTE
    if names & _QUOTES or (element.tag == "div" and element.get("name") == "quote"):
        return CITED
    if element.tag == "aside" and "quote" in names:
        return CITED
    # The answer may lie between block quotes of one container.
    return CITED if names & _CONTAINERS and element.find(".//blockquote") is None else NOT_CITED


def _names(element: Any) -> set[str]:
    words = f"{element.get('class') or ''} {element.get('id') or ''}".split()
    return {_PREFIX.sub("", word).lower() for word in words}
