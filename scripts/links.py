"""Checks a built site, offline: every local link leads to a file and an anchor, and no page loads from another host.

python scripts/links.py site
"""

import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import html

LOADED = {"script": "src", "img": "src", "link": "href"}
"""Elements that make a browser load something, and where."""
_NOT_LOADED = ("canonical", "next", "prev", "edit", "alternate")
"""Relations of `link` elements that are only named."""


def problems(site: Path) -> list[str]:
    """One line for each broken link and each file that would come from another host, by page."""
    pages = {path.resolve(): html.parse(path).getroot() for path in sorted(site.rglob("*.html"))}
    anchors = {path: {*page.xpath("//@id"), *page.xpath("//a/@name")} for path, page in pages.items()}
    found: list[str] = []
    for path, page in pages.items():
        if path.name == "404.html":  # its links are absolute: it is served from anywhere
            continue
        name = path.relative_to(site.resolve())
        targets = dict.fromkeys(page.xpath("//a/@href | //img/@src"))
        broken = ((target, _broken(target, path, anchors)) for target in targets)
        found += [f"{name}: {target}: {problem}" for target, problem in broken if problem]
        found += [f"{name}: {target}: is loaded from another host" for target in _foreign(page)]
    return found


def _broken(target: str, page: Path, anchors: dict[Path, set[str]]) -> str | None:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return None
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    path = path / "index.html" if path.is_dir() else path
    if not path.exists():
        return "no such file"
    if parts.fragment and path in anchors and unquote(parts.fragment) not in anchors[path]:
        return "no such anchor"
    return None


def _foreign(page: html.HtmlElement) -> list[str]:
    targets = [
        element.get(attribute, "")
        for tag, attribute in LOADED.items()
        for element in page.iter(tag)
        if element.get("rel") not in _NOT_LOADED
    ]
    return [target for target in targets if urlsplit(target).netloc]


def main(site: str) -> int:
    found = problems(Path(site))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
