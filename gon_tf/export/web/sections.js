// The sections below the picture.

const SAMPLES = 24;
const ROWS = 16; // beside those along the principal directions
const FRAMES = 9;
const SIZES = [64, 128, 256, 512];

/** A list of canvases with descriptions. */
function canvases(list, labels) {
  const all = labels.map((label) => {
    const canvas = document.createElement("canvas");
    [canvas.height, canvas.width] = size();
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    return canvas;
  });
  list.replaceChildren(...all.map((canvas) => {
    const item = document.createElement("li");
    item.append(canvas);
    return item;
  }));
  return all;
}

// The matrix

function showRows() {
  const { model } = now;
  const { values: kernel, shape: [pixels, n] } = model.encoder.kernel;
  say("of-whole", `${n} × ${pixels.toLocaleString("en")} numbers`);
  const column = Math.ceil(pixels / 1024); // of a large one every so many pixels
  const columns = Math.floor(pixels / column);
  const whole = Float32Array.from({ length: n * columns }, (_, i) =>
    kernel[(i % columns) * column * n + Math.floor(i / columns)]);
  showSigned(at("whole"), whole.map((x) => Math.sign(x) * Math.sqrt(Math.abs(x))), n, columns);

  const norms = new Float64Array(n);
  kernel.forEach((value, i) => (norms[i % n] += value * value));
  const largest = [...norms.keys()].sort((i, j) => norms[j] - norms[i]).slice(0, ROWS);
  now.rows = largest.sort((i, j) => i - j).map((row) => ({
    label: `number ${row + 1} of the code`,
    of: (code) => code[row],
    value: (code) => code[row],
    unit: "",
  }));
  at("of-rows").hidden = !model.principal || model.posterior !== null;
  if (!at("of-rows").hidden) now.rows.unshift(...directionsOf(model));
  canvases(at("rows"), now.rows.map(({ label }) => `Weights of the pixels in ${label}`)).forEach((canvas, i) => {
    const weights = Float32Array.from({ length: pixels }, (_, pixel) =>
      now.rows[i].of(kernel.subarray(pixel * n, (pixel + 1) * n)));
    showSigned(canvas, weights, ...model.seenSize);
    canvas.after(document.createElement("span"));
  });
}

/** Where a code lies along the principal directions, in standard deviations. */
function directionsOf({ principal: { directions, mean, projection }, latent_dim: n }) {
  return Array.from({ length: directions.shape[0] }, (_, i) => {
    const weights = projection.values.subarray(i * n, (i + 1) * n);
    const along = (code) => code.reduce((sum, x, j) => sum + x * weights[j], 0);
    const middle = along(mean.values);
    const value = (code) => along(code) - middle;
    return { label: `the code along direction ${i + 1}`, of: along, value, unit: " σ" };
  });
}

function showValues() {
  const { kernel, bias } = now.model.encoder;
  const code = affine(now.model.seen(now.picture), kernel.values, bias.values); // where there are further steps, before these
  at("rows").querySelectorAll("span").forEach((span, i) => {
    const value = now.rows[i].value(code);
    span.textContent = (now.rows[i].unit ? value.toFixed(2) : value.toPrecision(2)).replace("-", "−") + now.rows[i].unit;
  });
}

// Directions

function showSliders() {
  const count = now.model.principal?.directions.shape[0] ?? 0;
  at("sliders").replaceChildren(...Array.from({ length: count }, (_, i) => {
    const label = document.createElement("label");
    const slider = Object.assign(document.createElement("input"), { type: "range", min: -3, max: 3, step: 0.1, value: 0 });
    slider.setAttribute("aria-label", `Direction ${i + 1}, in standard deviations`);
    slider.addEventListener("input", turn);
    label.append(`${i + 1}`, slider, document.createElement("output"));
    return label;
  }));
}

function turn() {
  const { model, code } = now;
  if (!model.principal) return;
  const { values: directions } = model.principal.directions;
  const turned = Float32Array.from(code);
  at("sliders").querySelectorAll("input").forEach((slider, i) => {
    const value = Number(slider.value);
    slider.nextElementSibling.value = value.toFixed(1).replace("-", "−");
    for (let j = 0; j < turned.length; j++) turned[j] += value * directions[i * turned.length + j];
  });
  show(at("turned"), model.decode(turned), ...size());
}

// Samples

async function drawSamples() {
  const { model } = now;
  if (!model.prior) return;
  const turn = (now.sampling = {});
  const seed = Math.max(0, Math.floor(Number(at("seed").value) || 0));
  const label = at("label").value === "" ? null : at("label").value;
  let all = [...at("drawn").querySelectorAll("canvas")];
  if (now.shown !== model) all = canvases(at("drawn"), Array.from({ length: SAMPLES }, () => ""));
  now.shown = model;
  for (const [i, canvas] of all.entries()) {
    canvas.setAttribute("aria-label", `Sample of seed ${seed + i}`);
    show(canvas, model.decode(model.sample(seed + i, label)), ...size());
    await pause();
    if (turn !== now.sampling || model !== now.model) return;
  }
  now.sampling = null;
}

// The way between two pictures

function ends() {
  return ["from", "to"].map((id) => {
    const i = Number(at(id).value);
    return i === 0 ? now.code : now.model.encode(example(i - 1));
  });
}

function drawMiddle() {
  now.ends ??= ends();
  const code = slerp(...now.ends, Number(at("way").value));
  show(at("middle"), now.model.decode(code), ...size());
}

async function drawWay() {
  const { model } = now;
  const turn = (now.ends = ends());
  drawMiddle();
  let all = [...at("strip").querySelectorAll("canvas")];
  if (now.walked !== model) {
    all = canvases(at("strip"), Array.from({ length: FRAMES }, (_, i) => `Picture ${i + 1} of ${FRAMES} on the way`));
  }
  now.walked = model;
  for (const [i, canvas] of all.entries()) {
    show(canvas, model.decode(slerp(...turn, i / (FRAMES - 1))), ...size());
    await pause();
    if (turn !== now.ends || model !== now.model) return;
  }
}

// Any size

function showSizes() {
  const { model } = now;
  if (!model.isImplicit) return;
  now.side = 128;
  say("of-small", at("of-picture").textContent);
  at("sizes").replaceChildren(...[model.height, ...SIZES].map((side) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: side });
    button.setAttribute("aria-pressed", side === now.side);
    button.addEventListener("click", () => {
      now.side = side;
      for (const other of at("sizes").children) other.setAttribute("aria-pressed", other === button);
      drawLarge();
    });
    return button;
  }));
}

async function drawLarge() {
  const { model, code, side } = now;
  if (!model.isImplicit) return;
  const turn = (now.drawing = {});
  show(at("small"), now.picture, ...size());
  cover(at("small"), now.known);
  const [height, width] = [side, Math.round((side * model.width) / model.height)];
  const picture = new Float32Array(height * width * model.channels);
  const started = performance.now();
  let shown = started;
  for (const [start, part] of model.parts(code, height, width)) {
    picture.set(part, start);
    if (performance.now() - shown < 60) continue;
    show(at("large"), picture, height, width);
    say("of-large", `${height} × ${width} pixels: ${Math.round((100 * (start + part.length)) / picture.length)}% are drawn`);
    await pause();
    if (turn !== now.drawing || model !== now.model) return;
    shown = performance.now();
  }
  show(at("large"), picture, height, width);
  const time = milliseconds(performance.now() - started);
  now.drawing = null;
  say("of-large", `${height} × ${width} pixels of ${model.latent_dim} numbers, in ${time}`);
}
