"""Pictures of the page that `gon-tf export --format web` writes, for the documentation.

    python -m docs.generate.page_pictures

needs playwright and Chromium. A digit is drawn by the mouse, and a part of it is hidden.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "figures" / "web"
MODELS = ("mnist-implicit", "mnist-conv")
SEVEN = [(0.26, 0.27), (0.5, 0.25), (0.7, 0.27), (0.58, 0.5), (0.45, 0.78)]
HIDDEN = [(0.66, 0.2), (0.7, 0.4)]


def draw(page: Any, places: list[tuple[float, float]]) -> None:
    """A stroke through places of the picture, from 0 to 1."""
    box = page.locator("#picture").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def picture(browser: Any, address: str, path: Path, **options: Any) -> None:
    """Draws a digit on the page, hides a part of it, and writes what the window shows."""
    from PIL import Image

    context = browser.new_context(**options)
    page = context.new_page()
    page.goto(address)
    page.wait_for_timeout(3000)
    page.click("#clear")
    draw(page, SEVEN)
    if "hide" in path.stem:
        page.click('[data-brush="hide"]')
        draw(page, HIDDEN)
    page.wait_for_timeout(4000)
    # How long it took is in docs/web.md; here it would be that of a machine that draws pictures.
    page.evaluate("say('of-code', `${now.model.latent_dim} numbers`), say('of-reconstruction', '')")
    with Image.open(io.BytesIO(page.screenshot())) as shown:
        shown.convert("RGB").quantize(128).save(path, optimize=True)
    context.close()


def main() -> None:
    """Writes all pictures."""
    from playwright.sync_api import sync_playwright

    from gon_tf.export import web
    from gon_tf.export.web import checks

    program = next(filter(None, map(shutil.which, checks.BROWSERS)))
    flags = [flag for flag in checks.QUIET if flag != "--headless"]
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as running:
        place = Path(temporary, "page")
        web.save([web.exhibit_of(model) for model in MODELS], place)
        browser = running.chromium.launch(executable_path=program, args=flags)
        address = (place / "index.html").as_uri()
        wide, narrow = {"width": 1200, "height": 1130}, {"width": 360, "height": 780}
        picture(browser, address, FOLDER / "page.png", viewport=wide)
        picture(browser, address, FOLDER / "page-hide.png", viewport=wide, color_scheme="dark")
        picture(browser, address, FOLDER / "page-phone.png", viewport=narrow)
        browser.close()


if __name__ == "__main__":
    main()
