"""The documentation site builds without a warning, and its links arrive."""

import re

import pytest

import gon_tf
from docs.generate import diagrams, pages, site, site_check
from gon_tf import zoo


@pytest.mark.slow
def test_site_builds_without_a_warning_and_asks_no_other_host(tmp_path):
    pytest.importorskip("zensical", reason='needs pip install -e ".[docs]"')
    built = site.build(tmp_path / "site")
    assert "mnist-conv.md" not in (built / "zoo" / "index.html").read_text()
    reference = (built / "reference" / "models.html").read_text()
    assert "squared_error" in reference
    assert "unpkg" not in reference


def test_reference_has_every_public_name():
    text = "".join(path.read_text() for path in (pages.CHECKOUT / "docs/reference").glob("*.md"))
    headings = set(re.findall(r"heading: ([\w.]+)", text))
    modules = set(gon_tf._NAMES["gon_tf"])
    for name in set(gon_tf.__all__) - modules - {"distribute"}:
        assert f"gon_tf.{name}" in headings, f"docs/reference lacks gon_tf.{name}"
    for package in (gon_tf.decoders, gon_tf.data, gon_tf.callbacks, gon_tf.latents, gon_tf.metrics):
        for name in package.__all__:
            # Functions of these two are what their classes are made of, SSIM is a short name.
            if package in (gon_tf.latents, gon_tf.metrics) and (name.islower() or name.isupper()):
                continue
            assert headings & {f"{package.__name__}.{name}", f"gon_tf.{name}"}, name


def test_navigation_has_every_page():
    configuration = (pages.CHECKOUT / "docs" / "zensical.toml").read_text()
    named = set(re.findall(r'= "([\w/-]+\.md)"', configuration))
    docs = pages.CHECKOUT / "docs"
    written = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    assert written <= named


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("models.md", "models.md"),
        ("models.md#gon", "models.md#gon"),
        ("../zoo/mnist-conv/README.md", "zoo/mnist-conv.md"),
        ("../CHANGELOG.md", "changes.md"),
        ("../gon_tf/origin.py", "code/gon_tf/origin.py.md"),
        ("cli/gon-tf-sample.txt", "command-options.md#gon-tf-sample"),
        ("https://example.org/x", "https://example.org/x"),
        ("#here", "#here"),
    ],
)
def test_links_stay_in_the_site(target, place):
    assert pages.with_links(f"[a]({target})", "docs/cli.md")[0] == f"[a]({place})"


def test_pictures_of_a_card_lie_below_it():
    text, linked = pages.with_links("![a](samples.png)", "zoo/mnist-conv/README.md")
    assert text == "![a](mnist-conv/samples.png)"
    assert linked == {"zoo/mnist-conv/samples.png"}


def test_code_is_not_changed():
    text = "```python\n[a](models.md)\n```\n\n    [a](../LICENSE)\n"
    assert pages.with_links(text, "docs/cli.md")[0] == text


def test_diagrams_are_drawings_or_text(tmp_path, monkeypatch):
    monkeypatch.setattr(diagrams, "DOCS", tmp_path)
    monkeypatch.setattr(diagrams, "FOLDER", tmp_path / "diagrams")
    (tmp_path / "diagrams").mkdir()
    text = "a\n\n```mermaid\nflowchart TD\n```\n\nb\n"
    assert diagrams.with_drawings(text) == text.replace("mermaid", "text")
    file = diagrams.file_of("flowchart TD\n")
    file.write_text("<svg/>")
    assert diagrams.with_drawings(text) == f"a\n\n![A diagram](diagrams/{file.name})\n\nb\n"


def test_the_zoo_page_has_every_model():
    text = pages.zoo_page(pages.read_models())
    assert all(f"({name}.md)" in text for name in zoo.list_models())


def test_faults_of_a_page_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="b.html#there">x</a><a href="b.html#gone">x</a><img src="c.png">'
        '<a href="https://example.org">x</a><script src="https://example.org/x.js"></script>'
    )
    (tmp_path / "b.html").write_text('<p id="there"></p>')
    assert site_check.faults(tmp_path) == [
        "a.html: a request to another host: https://example.org/x.js",
        "a.html: there is no c.png",
        "a.html: there is no place b.html#gone",
    ]
