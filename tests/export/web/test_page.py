"""The page in a browser: opened from a folder, used by mouse and keyboard, looked at."""

import base64
import io
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gon_tf
from gon_tf.export import web
from gon_tf.export.web import checks

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = next(filter(None, map(shutil.which, checks.BROWSERS)), None)
AXE = Path(sys.prefix, "node_modules", "axe-core", "axe.min.js")  # where .ci/run installs it
pytestmark = [
    pytest.mark.skipif(not BROWSER, reason="Chromium is not there"),
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),  # one browser, one export
]
FLAGS = [flag for flag in checks.QUIET if flag != "--headless"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A page of a convolutional, an implicit and a variational model, none of them trained."""
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), dtype=np.uint8)
    conv = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), latent_dim=4, filters=2))
    implicit = gon_tf.ImplicitGON(gon_tf.ImplicitDecoder(3, 4, width=16, depth=2), (10, 8, 3))
    variational = gon_tf.VariationalGON(gon_tf.ConvDecoder((8, 8, 1), 4, 2), inner_steps=2)
    coloured = np.random.default_rng(0).integers(0, 256, (12, 10, 8, 3), dtype=np.uint8)
    conv.fit_latents(images, ["trousers"] * 6 + ["coat"] * 6)
    implicit.fit_latents(coloured)
    quantiles = {"error_quantiles": {"0": 0.5, "0.5": 2.0, "1": 30.0}}
    exhibits = [
        web.Exhibit("grey", conv, images, quantiles),
        web.Exhibit("coloured", implicit, coloured),
        web.Exhibit("variational", variational, images),
    ]
    place = tmp_path_factory.mktemp("pages") / "page"
    functions = web.save(exhibits, place)
    assert all(function.max_difference < 1e-4 for function in functions)
    return place


@pytest.fixture(scope="module")
def browser():
    """A browser for all tests."""
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, folder):
    """The page, opened from its folder; in the end it must have said and asked for nothing."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    opened = context.new_page()
    said, asked = [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto((folder / "index.html").as_uri())
    wait(opened, "now.model && now.times && !now.frame")
    yield opened
    assert said == []
    assert all(url.startswith(folder.as_uri()) for url in asked), asked
    context.close()


def wait(page, condition):
    """Waits until it holds; playwright's own way is not what the page's security policy allows."""
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise TimeoutError(condition)


def choose(page, name):
    page.select_option("#models", label=name)
    file = f"models/{name}.js"
    wait(page, f"now.model === models.get('{file}') && !now.frame")


def settled(page):
    """Waits until what follows from the picture is there."""
    page.wait_for_timeout(350)
    wait(page, "!now.frame && !now.sampling && !now.drawing")


def pixels(page, selector):
    """What a canvas shows, [height, width, 4]."""
    url = page.eval_on_selector(selector, "canvas => canvas.toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGBA")).astype(int)


def draw(page, start=(0.2, 0.5), end=(0.8, 0.5)):
    page.locator("#picture").scroll_into_view_if_needed()
    box = page.locator("#picture").bounding_box()
    x, y, width, height = (box[key] for key in ("x", "y", "width", "height"))
    page.mouse.move(x + start[0] * width, y + start[1] * height)
    page.mouse.down()
    page.mouse.move(x + end[0] * width, y + end[1] * height, steps=5)
    page.mouse.up()
    wait(page, "!now.frame")


def test_it_is_alive_before_anyone_draws(page):
    settled(page)
    for canvas in ("#picture", "#whole", "#code", "#reconstruction", "#turned", "#middle"):
        assert pixels(page, canvas)[..., :3].std() > 0, canvas
    assert page.locator("#examples button").count() == 8
    assert page.locator("#rows canvas").count() == 4 + 4  # directions, and rows as they are
    wait(page, "document.querySelectorAll('#drawn canvas').length === 24")
    assert "Larger than that of" in page.inner_text("#compared")
    assert page.inner_text("#ends").split("\n") == ["smallest 0.50", "largest 30"]
    assert page.is_hidden("#any-size")
    assert page.is_hidden('[data-brush="hide"]')


def test_drawing_changes_what_comes_back(page, folder):
    page.click("#clear")
    wait(page, "!now.frame")
    before = pixels(page, "#reconstruction")
    draw(page)
    drawing = pixels(page, "#picture")[..., 0]
    assert drawing[4, 2:6].min() > 100
    assert drawing[0].max() == 0
    assert abs(pixels(page, "#reconstruction") - before).max() > 0
    picture = np.array(page.evaluate("Array.from(now.picture)"), np.float32).reshape(1, 8, 8, 1)
    assert abs(255 * picture[0, ..., 0] - drawing).max() <= 0.51
    code = np.array(page.evaluate("Array.from(now.code)"))
    kernel = np.array(page.evaluate("Array.from(now.model.encoder.kernel.values)"))
    bias = np.array(page.evaluate("Array.from(now.model.encoder.bias.values)"))
    expected = picture.reshape(-1) @ kernel.reshape(64, 4) + bias
    np.testing.assert_allclose(code, expected, atol=1e-5 * abs(expected).max())
    page.click('[data-brush="erase"]')
    draw(page)
    assert pixels(page, "#picture")[4, 2:6, 0].max() < 60


def test_drawing_by_the_keyboard(page):
    page.click("#clear")
    page.focus("#picture")
    page.keyboard.press("ArrowRight")
    wait(page, "!now.frame")
    assert tuple(pixels(page, "#picture")[4, 5, :3]) == (255, 122, 26)  # where the brush is
    page.keyboard.press("Space")
    wait(page, "!now.frame")
    assert page.evaluate("now.picture[4 * 8 + 5]") > 0.4
    page.focus("#clear")
    settled(page)
    assert len(set(pixels(page, "#picture")[4, 5, :3])) == 1


def test_touch_draws(browser, folder):
    context = browser.new_context(viewport={"width": 360, "height": 780}, has_touch=True)
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    wait(page, "now.times")
    page.click("#clear")
    page.tap("#picture")
    wait(page, "!now.frame")
    assert page.evaluate("Math.max(...now.picture)") > 0.4
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_sliders_turn_the_code(page):
    settled(page)
    before = pixels(page, "#turned")
    assert abs(before - pixels(page, "#reconstruction")).max() == 0
    slider = page.locator("#sliders input").first
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert page.inner_text("#sliders output >> nth=0") == "2.0"
    assert abs(pixels(page, "#turned") - before).max() > 0
    page.click("#reset")
    assert abs(pixels(page, "#turned") - before).max() == 0


def test_samples_belong_to_seeds(page):
    drawn = "Array.from(document.querySelectorAll('#drawn canvas'), (c) => c.toDataURL())"
    wait(page, "document.querySelectorAll('#drawn canvas').length === 24")
    settled(page)
    first = page.evaluate(drawn)
    assert len(set(first)) > 1
    page.click("#again")
    assert page.input_value("#seed") == "24"
    settled(page)
    others = page.evaluate(drawn)
    assert not set(first) & set(others)
    page.fill("#seed", "23")
    settled(page)
    assert page.evaluate(drawn)[0] == first[-1]
    assert page.evaluate(drawn)[1:] == others[:-1]
    labels = [option.inner_text() for option in page.locator("#label option").all()]
    assert labels == ["any", "coat", "trousers"]
    by_label = []
    for label in labels[1:]:
        page.select_option("#label", label=label)
        settled(page)
        by_label.append(page.evaluate(drawn))
    assert not set(by_label[0]) & set(by_label[1])
    choose(page, "variational")
    assert page.is_hidden("#label-choice")


def test_the_way_from_one_picture_to_another(page):
    page.select_option("#to", label="example 3")
    page.fill("#way", "1")
    settled(page)
    shown = pixels(page, "#middle")
    page.click("#examples button >> nth=2")
    settled(page)
    assert abs(pixels(page, "#reconstruction") - shown).max() <= 1
    wait(page, "document.querySelectorAll('#strip canvas').length === 9")


def test_an_implicit_model_fills_in_and_draws_any_size(page):
    choose(page, "coloured")
    before = page.evaluate("Array.from(now.code)")
    page.click('[data-brush="hide"]')
    draw(page)
    assert 0 < page.evaluate("now.known.reduce((sum, x) => sum + x)") < 80
    code = page.evaluate("Array.from(now.code)")
    assert np.abs(np.subtract(code, before)).max() > 0
    assert page.get_attribute("figure:has(#code)", "data-by") == "→"  # no product with the matrix
    page.click("#sizes button >> text=256")
    wait(page, "document.getElementById('large').width === 205")
    wait(page, "document.getElementById('of-large').textContent.startsWith('256')")
    assert pixels(page, "#large").shape == (256, 205, 4)
    page.click('[data-brush="draw"]')
    draw(page)  # what is painted is known
    assert page.evaluate("now.known.every((x) => x === 1)")
    page.click('[data-brush="hide"]')
    draw(page)
    page.click("#clear")
    wait(page, "!now.frame")
    assert page.evaluate("now.known.every((x) => x === 1)")
    assert "does not say" in page.inner_text("#compared")


def test_further_steps_are_said(page):
    assert "Nothing else happens" in page.inner_text("#of-steps")
    assert page.get_attribute("figure:has(#code)", "data-by") == "="
    choose(page, "variational")
    assert "takes a further step, backwards" in page.inner_text("#of-steps")
    assert page.inner_text("#left-out") == ""


@pytest.mark.parametrize("way", ["choose", "drop"])
def test_a_picture_of_ones_own(page, tmp_path, way):
    picture = np.full((40, 80, 3), 255, np.uint8)
    picture[:, 20:40] = 0  # the left half of the middle
    Image.fromarray(picture).save(tmp_path / "mine.png")
    if way == "choose":
        page.set_input_files("#file", tmp_path / "mine.png")
    else:
        page.evaluate(
            """async (data) => {
              const bytes = Uint8Array.from(data);
              const files = new DataTransfer();
              files.items.add(new File([bytes], 'mine.png', { type: 'image/png' }));
              document.body.dispatchEvent(
                new DragEvent('drop', { dataTransfer: files, bubbles: true }));
            }""",
            list((tmp_path / "mine.png").read_bytes()),
        )
    wait(page, "now.picture[63] === 1 && !now.frame")
    shown = pixels(page, "#picture")[..., 0]
    assert shown[:, :3].max() < 30
    assert shown[:, 5:].min() > 225


def test_of_two_pictures_the_later_one_counts(page):
    """However long the browser takes to read the first."""
    page.evaluate(
        """() => {
          const read = createImageBitmap;
          createImageBitmap = async (file) => {
            if (file.name === "slow") await new Promise((resolve) => (window.letGo = resolve));
            return read(file);
          };
          const picture = async (name, colour) => {
            const canvas = new OffscreenCanvas(8, 8);
            Object.assign(canvas.getContext("2d"), { fillStyle: colour }).fillRect(0, 0, 8, 8);
            return new File([await canvas.convertToBlob()], name);
          };
          Promise.all([picture("slow", "white"), picture("quick", "black")]).then((files) => {
            window.first = open([files[0]]);
            window.second = open([files[1]]);
          });
        }"""
    )
    wait(page, "!!window.second")
    page.evaluate("second.then(letGo).then(() => first)")
    wait(page, "!now.frame")
    assert page.evaluate("Math.max(...now.picture)") == 0


def test_a_file_that_is_no_picture(page, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    page.set_input_files("#file", tmp_path / "notes.txt")
    wait(page, "document.getElementById('compared').textContent.endsWith('read.')")
    assert page.inner_text("#compared") == "notes.txt is no picture that this browser can read."
    assert page.input_value("#file") == ""  # or choosing the same file again would do nothing


def test_a_model_that_comes_when_another_is_chosen_again(page):
    page.evaluate(
        """() => {
          window.grey = now.model;
          for (const i of [1, 0]) {
            at("models").selectedIndex = i;
            at("models").dispatchEvent(new Event("change"));
          }
        }"""
    )
    wait(page, "models.size === 2")
    assert page.evaluate("now.model === grey && models.get('models/grey.js') === grey")
    choose(page, "coloured")
    assert page.evaluate("now.model.isImplicit")


def test_numbers_are_written_out(page):
    written = page.evaluate("[0.0097, 7.25, 99.7, 220, 12345].map((x) => digits(x))")
    assert written == ["0.0097", "7.3", "100", "220", "12,345"]


def test_a_second_finger_and_a_menu_draw_nothing(page):
    draws = """(what) => {
      at("clear").click();
      const box = at("picture").getBoundingClientRect();
      at("picture").setPointerCapture = () => {};
      const touch = (name, x, more) => at("picture").dispatchEvent(new PointerEvent(name,
        { clientX: box.left + x * box.width, clientY: box.top + box.height / 2, ...more }));
      touch("pointerdown", 0.2, { isPrimary: true, ...what });
      touch("pointermove", 0.9, { isPrimary: false });
      touch("pointerup", 0.9, { isPrimary: false });
      touch("pointermove", 0.3, { isPrimary: true });
      touch("pointerup", 0.3, { isPrimary: true });
      touch("pointermove", 0.9, { isPrimary: true });
      return Array.from(now.picture.subarray(32, 40), (x) => x > 0.3);
    }"""
    assert page.evaluate(draws, {"button": 0}) == [False, True, True] + 5 * [False]
    assert not any(page.evaluate(draws, {"button": 2}))
    assert not any(page.evaluate(draws, {"isPrimary": False}))


def test_a_model_whose_file_is_missing(browser, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "page")
    (tmp_path / "page" / "models" / "grey.js").unlink()
    page = browser.new_page()
    page.goto((tmp_path / "page" / "index.html").as_uri())
    wait(page, "document.getElementById('about').textContent.includes('beside')")
    assert page.inner_text("#about") == "could not be loaded: is models/grey.js beside this page?"
    page.close()


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: see .ci/run")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["grey", "coloured"])
def test_nothing_stands_in_the_way_of_anyone(browser, folder, scheme, name):
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # to bring axe in
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    wait(page, "now.times")
    choose(page, name)
    settled(page)
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run().then((report) => report.violations)")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
    context.close()
