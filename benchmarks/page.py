"""The page of `gon-tf export --format web` in Chromium: milliseconds for each thing it computes.

    python -m benchmarks.page [MODEL]... [--repetitions 9]

Each model is exported, opened from its folder, and asked for its own examples: a code, the code of
the picture without a third of its pixels (implicit models), a picture, and pictures of other sizes.
Medians, with the kernel of WebAssembly and in JavaScript alone. It is the time that the page's
thread has had on the processor: other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks import print_table
from gon_tf.bench.measure import machine

MODELS = ("mnist-conv", "mnist-variational", "mnist-implicit", "cifar10-implicit")
SIZES = (112, 512)
CALLS = """
(sizes) => {
  const { model, picture } = now;
  const known = Uint8Array.from({ length: model.height * model.width }, (_, i) => i % 3 > 0);
  const code = model.encode(picture);
  window.calls = { encode: () => model.encode(picture), decode: () => model.decode(code) };
  if (model.fillsIn) calls["encode the known"] = () => model.encodeKnown(picture, known);
  if (model.isImplicit) {
    for (const side of sizes) {
      calls[`decode ${side}x${side}`] = () => model.decode(code, side, side);
    }
  }
  return Object.keys(calls);
}
"""


def measure(page: Path, plain: bool, repetitions: int) -> dict[str, float]:
    """Medians in milliseconds by the name of what was computed."""
    from playwright.sync_api import sync_playwright

    from gon_tf.export.web import checks

    browser = next(filter(None, map(shutil.which, checks.BROWSERS)))
    flags = [flag for flag in checks.QUIET if flag != "--headless"]
    with sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=browser, args=flags)
        opened = chromium.new_page()
        if plain:
            opened.add_init_script("WebAssembly = undefined")
        opened.goto(page.as_uri())
        # What the page draws later would take the time from what is measured.
        opened.evaluate("drawLarge = drawWay = drawSamples = turn = () => {}")
        while not opened.evaluate("now.model && now.times"):
            opened.wait_for_timeout(300)
        session = opened.context.new_cdp_session(opened)
        session.send("Performance.enable")

        def seconds():
            metrics = session.send("Performance.getMetrics")["metrics"]
            return next(m["value"] for m in metrics if m["name"] == "ThreadTime")

        def time(name):
            count = 1 if "x" in name else 5  # of calls that are timed together
            start = seconds()
            opened.evaluate(
                "([name, n]) => { for (let i = 0; i < n; i++) calls[name](); }", [name, count]
            )
            return 1000 * (seconds() - start) / count

        found = {}
        for name in opened.evaluate(CALLS, SIZES[:1] if plain else SIZES):
            large = "x" in name
            if not large:
                time(name)
            rounds = 1 if large else repetitions
            found[name] = statistics.median(time(name) for _ in range(rounds))
        chromium.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", default=MODELS, metavar="MODEL")
    parser.add_argument("--repetitions", type=int, default=9)
    arguments = parser.parse_args()
    from gon_tf.export import web

    print(machine())
    rows = []
    for model in arguments.models:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "page")
            (written, *_) = web.save([web.exhibit_of(model)], place)
            kernel = measure(place / "index.html", False, arguments.repetitions)
            plain = measure(place / "index.html", True, arguments.repetitions)
        for name, time in kernel.items():
            alone = f"{plain[name]:.1f}" if name in plain else "-"
            rows.append([model, name, f"{time:.1f}", alone, f"{written.bytes:,}"])
    print_table(["model", "what", "ms", "ms in JavaScript alone", "bytes"], rows)


if __name__ == "__main__":
    main()
