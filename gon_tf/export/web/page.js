// The page: its models, and what each of its parts shows of one.

const models = new Map(); // of those loaded so far, by file
const now = {}; // the model, the picture, which pixels are known, the code and its picture
const at = (id) => document.getElementById(id);
const say = (id, text) => (at(id).textContent = text);
const pause = () => new Promise((resolve) => setTimeout(resolve));

function start() {
  at("models").addEventListener("change", choose);
  at("picture").addEventListener("pointerdown", beginStroke);
  at("picture").addEventListener("keydown", moveBrush);
  at("picture").addEventListener("blur", () => changed());
  for (const button of document.querySelectorAll("[data-brush]")) {
    button.addEventListener("click", () => takeBrush(button.dataset.brush));
  }
  at("clear").addEventListener("click", () => take(new Float32Array(now.picture.length)));
  at("invert").addEventListener("click", () => take(now.picture.map((x) => 1 - x), now.known));
  at("file").addEventListener("change", ({ target }) => open(target.files));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    open(event.dataTransfer.files);
  });
  at("reset").addEventListener("click", () => {
    at("sliders").querySelectorAll("input").forEach((slider) => (slider.value = 0));
    turn();
  });
  at("seed").addEventListener("input", drawSamples);
  at("label").addEventListener("change", drawSamples);
  at("again").addEventListener("click", () => {
    at("seed").value = (Number(at("seed").value) + SAMPLES) % 1000000;
    drawSamples();
  });
  for (const id of ["from", "to"]) at(id).addEventListener("change", drawWay);
  at("way").addEventListener("input", drawMiddle);
  choose();
}

// Models

/** What a model's file calls; another model may be chosen by then. */
function addModel(description) {
  models.set(document.currentScript.getAttribute("src"), new Model(description));
}

/** Loads the chosen model's file, if that has not been done yet, and shows the model. */
async function choose() {
  const file = at("models").value;
  if (!models.has(file)) {
    say("about", "is being loaded …");
    const script = Object.assign(document.createElement("script"), { src: file });
    await new Promise((resolve) => {
      script.onload = script.onerror = resolve;
      document.head.append(script);
    });
  }
  if (file !== at("models").value) return; // another one was chosen meanwhile
  if (!models.has(file)) return say("about", `could not be loaded: is ${file} beside this page?`);
  now.model = models.get(file);
  showModel();
}

function showModel() {
  const { model } = now;
  const { height, width, channels } = model;
  Object.assign(now, { cursor: null, sampling: null, drawing: null, ends: null });
  const pixels = `${height} × ${width}${channels === 3 ? " × 3" : ""}`;
  const parameters = `${model.parameters.toLocaleString("en")} parameters, all in the decoder.`;
  say("about", [model.description.replace(/\.$/, ""), parameters].filter(Boolean).join(", "));
  say("of-picture", `${pixels} numbers`);
  say("of-code", `${model.latent_dim} numbers`);
  say("of-signs", channels === 1 ? "orange counts for it, blue against."
    : "each colour counts for it as far as it is brighter than grey, and against it as far as it is darker.");
  const further = model.steps.count - 1;
  say("of-steps", further === 0
    ? "Nothing else happens on the way in."
    : `From there this model takes ${further === 1 ? "a further step" : `${further} further steps`}, ` +
      "backwards through the decoder.");
  say("left-out", model.left_out.join(" "));
  for (const id of ["distribution", "ends"]) at(id).style.display = model.quantiles ? "" : "none";
  if (model.quantiles) {
    say("smallest", `smallest ${digits(model.quantiles.errors[0])}`);
    say("largest", `largest ${digits(model.quantiles.errors.at(-1))}`);
  }
  at("colour").hidden = channels === 1;
  document.querySelector('[data-brush="hide"]').hidden = at("hiding").hidden = !model.fillsIn;
  at("any-size").hidden = !model.isImplicit;
  at("samples").parentElement.hidden = !model.prior;
  at("directions").parentElement.hidden = !model.principal;
  takeBrush("draw");
  showRows();
  showExamples();
  showSliders();
  showSizes();
  showChoices();
  take(example(0));
  drawSamples();
}

/** Some digits of a number, without an exponent of what is large. */
const digits = (x, n = 2) => (x < 10 ** n - 0.5 ? x.toPrecision(n) : Math.round(x).toLocaleString("en"));

const size = () => [now.model.height, now.model.width];

function example(i) {
  const { model } = now;
  const length = model.height * model.width * model.channels;
  return Float32Array.from(model.examples.values.subarray(i * length, (i + 1) * length), (x) => x / 255);
}

function showExamples() {
  at("examples").replaceChildren(...Array.from({ length: now.model.examples.shape[0] }, (_, i) => {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const canvas = document.createElement("canvas");
    show(canvas, example(i), ...size());
    button.append(canvas);
    button.setAttribute("aria-label", `Example ${i + 1}`);
    button.addEventListener("click", () => take(example(i)));
    return button;
  }));
}

function showChoices() {
  const options = (names) => names.map((name, i) => new Option(name, i));
  const examples = Array.from(at("examples").children, (_, i) => `example ${i + 1}`);
  const names = ["your picture", ...examples];
  at("from").replaceChildren(...options(names));
  at("to").replaceChildren(...options(names));
  at("to").value = Math.min(2, names.length - 1);
  const labels = [...new Set(now.model.prior?.labels ?? [])].filter((label) => label !== null);
  at("label-choice").hidden = !labels.length;
  at("label").replaceChildren(new Option("any", ""), ...labels.map((label) => new Option(label, label)));
}

if (typeof document !== "undefined" && at("page")) start();
