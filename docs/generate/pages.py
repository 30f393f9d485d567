"""The pages of the documentation site: the Markdown of the checkout, with links that stay in it.

A file of the checkout has a place in the site: pages of docs/ keep theirs, the cards of the zoo are
pages, the texts of docs/cli are sections of one, and any other file that a page links to becomes a
page that shows it.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path

from docs.generate.cards import read_models
from docs.generate.diagrams import with_drawings
from docs.generate.figures import FIGURES, metrics_of
from docs.generate.help_texts import help_texts
from docs.generate.markdown import number
from docs.generate.tutorials import page_of

CHECKOUT = Path(__file__).resolve().parents[2]
PLACES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
}
NOT_PAGES = ("generate", "cli", "zensical.toml", "baselines.json", "__pycache__")  # of docs/
OPTIONS = "command-options.md"
LINK = re.compile(r'(\]\(|(?:src|href)=")([^)"#\s]*)(#[^)"\s]*)?(?=[)"])')
FENCE = re.compile(r"\s*(```+|~~~+)")


def place_of(path: str) -> str:
    """Where a file of the checkout is in the site, both relative and with slashes.

    Example:
        >>> place_of("docs/models.md"), place_of("zoo/mnist-conv/README.md")
        ('models.md', 'zoo/mnist-conv.md')
        >>> place_of("docs/cli/gon-tf-sample.txt"), place_of("gon_tf/origin.py")
        ('command-options.md#gon-tf-sample', 'code/gon_tf/origin.py.md')
    """
    if path in PLACES:
        return PLACES[path]
    if path.startswith("docs/cli/"):
        return f"{OPTIONS}#{posixpath.basename(path).removesuffix('.txt')}"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith("zoo/") and path.endswith("/README.md"):
        return f"{posixpath.dirname(path)}.md"
    if path.startswith("zoo/") and path.endswith(".png"):
        return path
    return f"code/{path.lstrip('.')}.md"


def with_links(text: str, path: str) -> tuple[str, set[str]]:
    """A page's text with links for the site, and the files that it links to.

    Args:
        text: Markdown, as in the checkout.
        path: where it lies there.
    """
    here, linked, lines, fence = posixpath.dirname(place_of(path)), set(), [], ""

    def moved(match: re.Match) -> str:
        opening, target, anchor = match.groups(default="")
        if not target or ":" in target:
            return match[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if not (CHECKOUT / file).exists():
            return match[0]  # made with the site, or else the check of the site will find it
        linked.add(file)
        return f"{opening}{posixpath.relpath(place_of(file), here or '.')}{anchor}"

    for line in text.splitlines(keepends=True):
        mark = FENCE.match(line)
        if mark and fence in ("", mark[1]):
            fence = "" if fence else mark[1]
        lines.append(line if fence or line.startswith("    ") else LINK.sub(moved, line))
    return "".join(lines), linked


def assemble(folder: Path) -> None:
    """Writes all pages and pictures of the site, as Markdown.

    Raises:
        ValueError: if a page links to a folder.
    """
    docs = CHECKOUT / "docs"
    shutil.copytree(docs, folder, ignore=lambda at, _: NOT_PAGES if Path(at) == docs else ())
    sources = {
        path.relative_to(CHECKOUT).as_posix(): path.read_text(encoding="utf-8")
        for path in [*docs.rglob("*.md"), *map(CHECKOUT.joinpath, PLACES)]
        if path.name != "README.md"
    }
    for notebook in (docs / "tutorials").glob("*.ipynb"):
        sources[f"docs/tutorials/{notebook.stem}.md"], pictures = page_of(notebook)
        for name, content in pictures.items():
            (folder / "tutorials" / name).write_bytes(content)
    models = read_models()
    for name in models:
        card = CHECKOUT / "zoo" / name / "README.md"
        sources[f"zoo/{name}/README.md"] = card.read_text(encoding="utf-8")
        for picture in card.parent.glob("*.png"):
            copy(picture, folder / "zoo" / name / picture.name)
    files: set[str] = set()
    for path, text in sources.items():
        page, linked = with_links(with_drawings(text), path)
        files |= linked
        write(folder / place_of(path), page)
    for file in files:
        place = place_of(file)
        if place.startswith("code/"):
            write(folder / place, shown(file))
    write(folder / OPTIONS, options_page())
    write(folder / "zoo" / "index.md", zoo_page(models))


def shown(file: str) -> str:
    """A page that shows a file of the checkout."""
    if (CHECKOUT / file).is_dir():
        raise ValueError(f"A page links to a folder, which the site does not have: {file}")
    text = (CHECKOUT / file).read_text(encoding="utf-8")
    language = {".py": "python", ".yml": "yaml"}.get(Path(file).suffix, "text")
    return f"# {file}\n\n````{language}\n{text}````\n"


def options_page() -> str:
    """The help of every command, on one page."""
    sections = [
        f"## {name.removesuffix('.txt')}\n\n```text\n{text}```\n"
        for name, text in sorted(help_texts().items())
    ]
    return "# All options\n\nWhat `gon-tf COMMAND -h` prints.\n\n" + "\n".join(sections)


def zoo_page(models: dict[str, dict]) -> str:
    """All models of the zoo, each with a picture of held-out images and its figure."""
    parts = [
        "# The zoo\n\nPretrained models that come with the package. The pictures show held-out "
        "images above their reconstructions; a model's card has more, and says how to make it "
        "again. [Results](../results.md) has all figures side by side.\n"
    ]
    for name, metadata in models.items():
        key, what = FIGURES[name.rpartition("-")[2]]
        shape = "x".join(map(str, metadata["image_shape"]))
        parts.append(
            f"## {name}\n\n[![Reconstructions]({name}/reconstructions.png)]({name}.md)\n\n"
            f"{shape}, {metadata['latent_dim']} latents, {metadata['parameters']:,} parameters; "
            f"{what} {number(metrics_of(metadata)[key])}. [Card]({name}.md)\n"
        )
    return "\n".join(parts)


def write(path: Path, text: str) -> None:
    """Writes a page and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def copy(source: Path, target: Path) -> None:
    """Copies a picture, and makes the folders above it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
