// Pictures on canvases, and a brush. A picture is a Float32Array [height * width * channels].

/** Shows a picture of values in [0, 1], grey or RGB. */
function show(canvas, picture, height, width) {
  const channels = picture.length / (height * width);
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  paint(canvas, height, width, (data, i) => {
    data[4 * i] = 255 * picture[i * channels]; // is rounded and kept within 0 and 255
    data[4 * i + 1] = 255 * picture[i * channels + green];
    data[4 * i + 2] = 255 * picture[i * channels + blue];
  });
}

/** Shows numbers of either sign: blue below zero, orange above; RGB as colours around grey. */
function showSigned(canvas, values, height, width) {
  const channels = values.length / (height * width);
  const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
  paint(canvas, height, width, (data, i) => {
    for (let c = 0; c < 3; c++) {
      const x = values[i * channels + (channels === 3 ? c : 0)] / largest;
      const end = x < 0 ? BELOW[c] : ABOVE[c];
      data[4 * i + c] = channels === 3 ? 127.5 * (1 + x) : ZERO[c] + Math.abs(x) * (end - ZERO[c]);
    }
  });
}

const [BELOW, ZERO, ABOVE] = [[31, 82, 173], [246, 245, 242], [204, 87, 10]];

/** Shows how far apart two pictures are, from black over orange to white. */
function showError(canvas, a, b, height, width) {
  const channels = a.length / (height * width);
  paint(canvas, height, width, (data, i) => {
    let x = 0;
    for (let c = 0; c < channels; c++) {
      x += (2 / channels) * Math.abs(a[i * channels + c] - b[i * channels + c]);
    }
    data.set([255 * 2.2 * x, 255 * (1.7 * x - 0.35), 255 * (3 * x - 2)], 4 * i);
  });
}

function paint(canvas, height, width, colour) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  image.data.fill(255);
  for (let i = 0; i < height * width; i++) colour(image.data, i);
  context.putImageData(image, 0, 0);
}

/** Covers pixels that are hidden by a pattern of grey. */
function cover(canvas, isKnown) {
  const context = canvas.getContext("2d");
  isKnown.forEach((known, i) => {
    if (known) return;
    const [x, y] = [i % canvas.width, Math.floor(i / canvas.width)];
    context.fillStyle = (x + y) % 2 ? "#7d8590" : "#a3abb5";
    context.fillRect(x, y, 1, 1);
  });
}

/** Calls `touch(pixel, share)` for the pixels under a round brush that moves along a line. */
function stroke([x0, y0], [x1, y1], radius, height, width, touch) {
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(x1 - x0, y1 - y0)));
  for (let step = 0; step <= steps; step++) {
    const [x, y] = [x0 + ((x1 - x0) * step) / steps, y0 + ((y1 - y0) * step) / steps];
    for (let row = Math.floor(y - radius - 1); row <= y + radius + 1; row++) {
      for (let column = Math.floor(x - radius - 1); column <= x + radius + 1; column++) {
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        const share = radius + 0.5 - Math.hypot(column + 0.5 - x, row + 0.5 - y);
        if (share > 0) touch(row * width + column, Math.min(1, share));
      }
    }
  }
}

/** A picture file at a model's size: its middle, made smaller by halves so that nothing is lost. */
async function readPicture(file, height, width, channels) {
  let image = await createImageBitmap(file);
  const zoom = Math.min(image.width / width, image.height / height);
  let [w, h] = [zoom * width, zoom * height];
  let [left, top] = [(image.width - w) / 2, (image.height - h) / 2];
  do {
    const [smallW, smallH] = [Math.max(width, Math.round(w / 2)), Math.max(height, Math.round(h / 2))];
    const canvas = Object.assign(document.createElement("canvas"), { width: smallW, height: smallH });
    const context = canvas.getContext("2d");
    [context.fillStyle, context.imageSmoothingQuality] = ["white", "high"];
    context.fillRect(0, 0, smallW, smallH); // behind what is transparent
    context.drawImage(image, left, top, w, h, 0, 0, smallW, smallH);
    [image, left, top, w, h] = [canvas, 0, 0, smallW, smallH];
  } while (w > width || h > height);
  const { data } = image.getContext("2d").getImageData(0, 0, width, height);
  const grey = (i) => (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255;
  return Float32Array.from({ length: height * width * channels }, (_, i) =>
    channels === 1 ? grey(i) : data[4 * Math.floor(i / 3) + (i % 3)] / 255);
}

/** The distribution of training errors as bars of equal area per image on a logarithmic axis. */
function showDistribution(svg, { probabilities, errors }, error) {
  const least = Math.max(errors.find((e) => e > 0) ?? 1e-6, errors.at(-1) * 1e-6);
  const lowest = Math.log(Math.min(least, Math.max(error, least / 10))) - 0.2;
  const highest = Math.log(Math.max(errors.at(-1), error)) + 0.2;
  const x = (e) => (300 * (Math.log(Math.max(e, least / 20)) - lowest)) / (highest - lowest);
  const bars = [];
  for (let i = 1; i < errors.length; i++) {
    const [left, right] = [x(errors[i - 1]), x(errors[i])];
    const share = probabilities[i] - probabilities[i - 1];
    if (right - left > 0.01) bars.push([left, right, share / (right - left)]);
  }
  const most = Math.max(...bars.map(([, , density]) => density));
  const path = bars.map(([left, right, density]) => {
    const y = (52 - 46 * Math.sqrt(density / most)).toFixed(1);
    return `L${left.toFixed(1)} ${y}L${right.toFixed(1)} ${y}`;
  });
  const here = Math.max(2, Math.min(298, x(error))).toFixed(1);
  const [start, end] = [bars[0][0].toFixed(1), bars.at(-1)[1].toFixed(1)];
  svg.innerHTML =
    `<path class="bars" d="M${start} 52${path.join("")}L${end} 52Z"/>` +
    `<path class="axis" d="M0 52H300"/><path class="here" d="M${here} 2V58"/>`;
}
