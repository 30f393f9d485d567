// The picture that is drawn on, its code and what comes back.

/** Takes a picture as the one that is drawn on. */
function take(picture, known = new Uint8Array(now.model.height * now.model.width).fill(1)) {
  Object.assign(now, { picture, known });
  changed();
}

async function open([file]) {
  if (!file) return;
  const { model } = now;
  const turn = (now.opening = {}); // a large picture may be read for longer than the next one
  say("compared", `${file.name} is being read …`);
  try {
    const picture = await readPicture(file, model.height, model.width, model.channels);
    if (turn === now.opening && model === now.model) take(picture);
  } catch {
    if (turn !== now.opening) return;
    say("said", `${file.name} is no picture that this browser can read.`);
    say("compared", `${file.name} is no picture that this browser can read.`);
  }
  at("file").value = ""; // or the same file could not be opened again
}

function takeBrush(name) {
  now.brush = name;
  for (const button of document.querySelectorAll("[data-brush]")) {
    button.setAttribute("aria-pressed", button.dataset.brush === name);
  }
}

const ENDS = ["pointerup", "pointercancel"]; // of a stroke

function beginStroke(event) {
  if (event.button || !event.isPrimary) return; // another finger, or a menu
  const canvas = at("picture");
  const place = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    const [height, width] = size();
    return [((clientX - box.left) / box.width) * width, ((clientY - box.top) / box.height) * height];
  };
  let last = place(event);
  const go = (move) => {
    if (!move.isPrimary) return;
    const next = place(move);
    brush(last, next);
    last = next;
  };
  const end = (event) => {
    if (!event.isPrimary) return;
    canvas.removeEventListener("pointermove", go);
    for (const name of ENDS) canvas.removeEventListener(name, end);
  };
  now.cursor = null;
  canvas.setPointerCapture(event.pointerId);
  canvas.addEventListener("pointermove", go);
  for (const name of ENDS) canvas.addEventListener(name, end);
  brush(last, last);
}

function moveBrush(event) {
  const [height, width] = size();
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const place = now.cursor ?? [Math.floor(width / 2) + 0.5, Math.floor(height / 2) + 0.5];
  if (event.key in moves) {
    const [dx, dy] = moves[event.key];
    const keep = (x, side) => Math.min(side - 0.5, Math.max(0.5, x));
    now.cursor = [keep(place[0] + dx, width), keep(place[1] + dy, height)];
    changed();
  } else if (event.key === " ") {
    now.cursor = place;
    brush(place, place);
  } else return;
  event.preventDefault();
}

/** Paints, erases or hides along a line. */
function brush(from, to) {
  const { model, picture, known } = now;
  const [height, width] = size();
  const radius = Math.max(1, Math.min(height, width) * (now.brush === "draw" ? 0.035 : 0.07));
  const colour = [1, 3, 5].map((i) => parseInt(at("colour").value.slice(i, i + 2), 16) / 255);
  stroke(from, to, radius, height, width, (pixel, share) => {
    if (now.brush === "hide") return (known[pixel] = share > 0.5 ? 0 : known[pixel]);
    if (share > 0.5) known[pixel] = 1; // what is painted is no longer hidden
    for (let c = 0; c < model.channels; c++) {
      const goal = now.brush === "erase" ? 0 : model.channels === 1 ? 1 : colour[c];
      const i = pixel * model.channels + c;
      // a stroke passes a pixel several times, and must not become harder by that
      const mixed = picture[i] + share * (goal - picture[i]);
      picture[i] = model.channels === 1 && goal ? Math.max(picture[i], share) : mixed;
    }
  });
  if (!known.includes(1)) known[0] = 1; // nothing at all is no picture
  changed();
}

// What follows from the picture: at once, and a little later

function changed() {
  if (now.frame) return;
  now.frame = requestAnimationFrame(() => {
    now.frame = 0;
    update();
    clearTimeout(now.later);
    now.later = setTimeout(settle, 200);
  });
}

function update() {
  const { model, picture, known } = now;
  const started = performance.now();
  now.code = known.includes(0) ? model.encodeKnown(picture, known) : model.encode(picture);
  const encoded = performance.now();
  now.reconstruction = model.decode(now.code);
  now.times = { encode: encoded - started, decode: performance.now() - encoded };
  now.squared = model.squaredError(picture, now.reconstruction);
  showPicture();
  const columns = 2 ** Math.ceil(Math.log2(Math.sqrt(model.latent_dim)));
  const cells = new Float32Array(columns * Math.ceil(model.latent_dim / columns));
  cells.set(now.code);
  showSigned(at("code"), cells, cells.length / columns, columns);
  show(at("reconstruction"), now.reconstruction, ...size());
  showError(at("error"), picture, now.reconstruction, ...size());
  const isProduct = model.steps.count === 1 && !known.includes(0);
  at("code").parentElement.dataset.by = isProduct ? "=" : "→";
  say("of-code", `${model.latent_dim} numbers, in ${milliseconds(now.times.encode)}`);
  say("of-reconstruction", `in ${milliseconds(now.times.decode)}`);
  showValues();
  showJudgement();
}

const milliseconds = (t) => `${t < 10 ? t.toFixed(1) : Math.round(t)} ms`;

function showPicture() {
  const canvas = at("picture");
  show(canvas, now.picture, ...size());
  cover(canvas, now.known);
  if (now.cursor && document.activeElement === canvas) {
    const context = canvas.getContext("2d");
    context.fillStyle = "#ff7a1a";
    context.fillRect(Math.floor(now.cursor[0]), Math.floor(now.cursor[1]), 1, 1);
  }
}

function showJudgement() {
  const { model, squared } = now;
  say("squared", `Squared error ${digits(squared, 3)}`);
  if (!model.quantiles) return say("compared", "The model’s record does not say how large the training images’ are.");
  const score = model.score(squared);
  const percent = Math.min(99.9, 100 * score).toFixed(score > 0.99 ? 1 : 0);
  say("compared", score === 0 ? "No training image has a smaller one."
    : score === 1 ? "Larger than that of every training image: the model has seen nothing like it."
    : `Larger than that of ${percent}% of the training images, whose errors are spread like this:`);
  showDistribution(at("distribution"), model.quantiles, squared);
}

/** What takes longer, once the picture stays as it is for a moment. */
function settle() {
  say("said", `${at("squared").textContent}. ${at("compared").textContent}`);
  turn();
  drawWay();
  drawLarge();
}
