"""What Zensical does not check of the pages it has made: pictures, anchors, and other hosts."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script", "img", "link", "iframe", "source", "video", "audio", "embed", "object"}


class Page(HTMLParser):
    """The addresses and the anchors of a page of HTML.

    Attributes:
        anchors: what a link to the page may name.
        links: (tag, address) of all that the page shows or links to.
    """

    def __init__(self, path: Path):
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes what a tag names, and what it leads to."""
        values = dict(attrs)
        self.anchors |= {values[key] or "" for key in ("id", "name") if key in values}
        if values.get("rel") not in ("canonical", "edit"):
            self.links += [(tag, values[key] or "") for key in ("href", "src") if key in values]


def faults(site: Path) -> list[str]:
    """A line for each link of a site that leads nowhere, and each request to another host."""
    pages = {path.resolve(): Page(path) for path in site.rglob("*.html")}
    found = []
    for path, page in pages.items():
        here = path.relative_to(site.resolve())
        for tag, address in page.links:
            parts = urlsplit(address)
            if parts.scheme == "data" or (parts.scheme == "mailto" and tag == "a"):
                continue
            if parts.scheme or parts.netloc:
                if tag in LOADED:
                    found.append(f"{here}: a request to another host: {address}")
                continue
            root = site.resolve() if parts.path.startswith("/") else path.parent
            target = path if not parts.path else (root / unquote(parts.path).lstrip("/")).resolve()
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                found.append(f"{here}: there is no {address}")
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors | {""}:
                found.append(f"{here}: there is no place {address}")
    return sorted(set(found))
