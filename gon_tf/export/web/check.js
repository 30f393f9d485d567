// What the export checks the page's script by: functions of rows of numbers, called with inputs
// and results as base64. It is not part of the page.

const CALLS = {
  encode: (model, { pictures }) => pictures.map((picture) => model.encode(picture)),
  decode: (model, { latents }) => latents.map((row) => model.decode(row)),
  reconstruct: (model, { pictures }) =>
    pictures.map((picture) => model.decode(model.encode(picture))),
  sample: (model, { components, noise }) =>
    noise.map((row, i) => model.decode(model.draw(components[i][0], row))),
  decode_at: (model, { latents, size }) => latents.map((row) => model.decode(row, ...size)),
  inpaint: (model, { pictures, known }) =>
    pictures.map((picture) => model.encodeKnown(picture, known[0])),
};

const results = {};
let checked = null;

function addModel(description) {
  checked = new Model(description);
}

function addCalls(calls) {
  for (const [name, inputs] of Object.entries(calls)) {
    const rows = Object.fromEntries(Object.entries(inputs).map(([key, array]) => [key, unpack(array)]));
    results[name] = pack64(CALLS[name](checked, rows));
  }
}

function unpack({ shape, data }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const values = new Float32Array(bytes.buffer);
  if (shape.length === 1) return values;
  const width = values.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) => values.slice(i * width, (i + 1) * width));
}

function pack64(rows) {
  const numbers = rows.reduce((sum, row) => sum + row.length, 0);
  const values = new Float32Array(numbers);
  rows.reduce((place, row) => (values.set(row, place), place + row.length), 0);
  let letters = "";
  for (const byte of new Uint8Array(values.buffer)) letters += String.fromCharCode(byte);
  return btoa(letters);
}
