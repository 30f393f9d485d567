// A Gradient Origin Network: the encoder is one matrix, the decoder a network.

class Model {
  constructor(file) {
    const description = revive(file);
    Object.assign(this, description);
    this.isImplicit = description.decoder.kind === "points";
    this.network = this.isImplicit ? new Points(description.decoder) : new Layers(description.decoder);
    // What further steps go through: the decoder, or the part of it that draws a small sketch.
    this.inner = this.steps.sketch ? new Layers(this.steps.sketch) : this.network;
    this.weight = this.steps.shrink ** 2; // pixels of the picture that one of the sketch stands for
    this.isCrossEntropy = this.loss === "cross_entropy";
    [this.height, this.width, this.channels] = this.image_shape;
    this.grid = this.isImplicit ? gridOf(this.height, this.width) : null;
    this.fillsIn = this.isImplicit && this.network.hasDerivatives && !this.steps.matrix;
    if (this.posterior) {
      for (const map of [this.posterior.mean, this.posterior.log_variance]) {
        map.back = transpose(map.kernel.values, ...map.kernel.shape);
      }
    }
  }

  // From pictures to latents. Pictures are Float32Arrays [height * width * channels] in [0, 1].

  /** Latents of a picture: the product with the matrix, and further steps where a model has them. */
  encode(picture) {
    const seen = this.seen(picture);
    let point = affine(seen, ...arraysOf(this.encoder));
    for (let i = 1; i < this.steps.count; i++) point = this.moved(point, seen);
    return this.mean(point);
  }

  /** What the encoder sees of a picture: all of it, or the means of squares of pixels. */
  seen(picture) {
    const side = this.steps.shrink;
    if (side === 1) return picture;
    const [height, width] = this.seenSize;
    const sums = new Float32Array(height * width * this.channels);
    picture.forEach((value, i) => {
      const pixel = Math.floor(i / this.channels);
      const [y, x] = [Math.floor(pixel / this.width / side), Math.floor((pixel % this.width) / side)];
      sums[(y * width + x) * this.channels + (i % this.channels)] += value / this.weight;
    });
    return sums;
  }

  get seenSize() {
    return [this.height / this.steps.shrink, this.width / this.steps.shrink];
  }

  /** Latents of a picture of which only the pixels are known where `isKnown` is 1. */
  encodeKnown(picture, isKnown) {
    const chosen = [...isKnown.keys()].filter((i) => isKnown[i]);
    const at = (values, numbers) => Float32Array.from(
      chosen.flatMap((i) => Array.from(values.subarray(i * numbers, (i + 1) * numbers))));
    const known = { points: at(this.grid, 2), weight: isKnown.length / chosen.length };
    const values = at(picture, this.channels);
    let point = this.origin.values;
    for (let i = 0; i < this.steps.count; i++) point = this.moved(point, values, known);
    return point;
  }

  /** The maps of a variational model from where the steps end to its posterior's mean. */
  mean(point) {
    return this.posterior ? affine(point, ...arraysOf(this.posterior.mean)) : point;
  }

  /** A step from a point, by the origin's matrix or by that of the point itself. */
  moved(point, picture, known = { points: this.grid, weight: 1 }) {
    if (this.steps.matrix && known.points === this.grid) return this.movedByOrigin(point, picture);
    const [outputs, jacobian] = this.network.jacobian(point, known.points);
    const n = point.length;
    const curvature = outputs.map((y) => known.weight * this.lossCurvature(y));
    const gradient = new Float64Array(n);
    outputs.forEach((y, i) => {
      const g = known.weight * this.lossDerivative(y, picture[i]);
      for (let j = 0; j < n; j++) gradient[j] += g * jacobian[i * n + j];
    });
    const { size, damping, relative } = this.steps;
    if (damping === null) return point.map((z, j) => z - size * gradient[j]);
    const matrix = normalMatrix(jacobian, curvature, n);
    let mean = 0;
    for (let j = 0; j < n; j++) mean += matrix[j * n + j] / n;
    for (let j = 0; j < n; j++) matrix[j * n + j] += damping * (relative ? mean : 1);
    const step = solve(matrix, gradient);
    return point.map((z, j) => z - size * step[j]);
  }

  /** A step by the matrix of the origin: one pass backwards through the network. */
  movedByOrigin(point, picture) {
    const [outputs, pull] = this.pullBack(this.mean(point));
    const derivatives = outputs.map((y, i) => this.weight * this.lossDerivative(y, picture[i]));
    let gradient = pull(derivatives);
    if (this.posterior) {
      const { mean, log_variance: logVariance, weight } = this.posterior;
      const back = (g, map) => affine(g, map.back, new Float32Array(point.length));
      const variances = affine(point, ...arraysOf(logVariance));
      const ofVariance = back(variances.map((v) => 0.5 * (Math.exp(v) - 1)), logVariance);
      const ofMean = this.mean(point);
      gradient = back(gradient.map((g, i) => g + weight * ofMean[i]), mean);
      gradient = gradient.map((g, i) => g + weight * ofVariance[i]);
    }
    const step = affine(gradient, this.steps.matrix.values, new Float32Array(point.length));
    return point.map((z, i) => z - step[i]);
  }

  pullBack(latents) {
    if (!this.isImplicit) return this.inner.pullBack(latents);
    const [outputs, jacobian] = this.network.jacobian(latents, this.grid);
    return [outputs, (g) => affine(g, jacobian, new Float32Array(latents.length))];
  }

  lossDerivative(output, value) {
    return this.isCrossEntropy ? ACTIVATIONS.sigmoid.of(output) - value : 2 * (output - value);
  }

  lossCurvature(output) {
    if (!this.isCrossEntropy) return 2;
    const probability = ACTIVATIONS.sigmoid.of(output);
    return probability * (1 - probability);
  }

  // From latents to pictures.

  /** The picture of latents, at the model's own size or, of an implicit model, any other. */
  decode(latents, height = this.height, width = this.width) {
    const picture = new Float32Array(height * width * this.channels);
    for (const [start, part] of this.parts(latents, height, width)) picture.set(part, start);
    return picture;
  }

  /** The same in parts [place, values], so that a page can show them as they come. */
  *parts(latents, height, width) {
    if (!this.isImplicit) {
      yield [0, this.toPicture(this.network.outputs(latents))];
      return;
    }
    const points = gridOf(height, width);
    const modulations = this.network.modulations(latents);
    for (let start = 0; start < height * width; start += POINTS_AT_ONCE) {
      const part = points.subarray(2 * start, 2 * (start + POINTS_AT_ONCE));
      const outputs = this.network.outputs(latents, part, modulations);
      yield [start * this.channels, this.toPicture(outputs)];
    }
  }

  toPicture(outputs) {
    return this.isCrossEntropy ? outputs.map(ACTIVATIONS.sigmoid.of) : outputs;
  }

  // New latents.

  /** A draw from a component of the prior: its mean + noise @ its axes. */
  draw(component, noise) {
    const { means, axes, coordinates } = this.prior;
    const [, n] = means.shape;
    const mean = means.values.subarray(component * n, (component + 1) * n);
    if (!axes) return mean.map((value, i) => value + noise[i]);
    const size = axes.shape[1] * n;
    const own = axes.values.subarray(component * size, (component + 1) * size);
    const drawn = affine(noise, own, mean);
    return coordinates ? affine(drawn, ...arraysOf(coordinates)) : drawn;
  }

  /** Latents for a seed, of a component with that label if one is asked for. */
  sample(seed, label = null) {
    const random = generator(seed);
    const { weights, labels, axes, means } = this.prior;
    const odds = weights.values.map((w, k) => (label === null || labels[k] === label ? w : 0));
    let left = random() * odds.reduce((sum, w) => sum + w, 0);
    let component = odds.findIndex((w) => (left -= w) < 0);
    if (component < 0) component = odds.findLastIndex((w) => w > 0); // rounding
    const noise = Float32Array.from({ length: axes ? axes.shape[1] : means.shape[1] }, () =>
      Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
    return this.draw(component, noise);
  }

  // How well a picture is reconstructed.

  squaredError(picture, reconstruction) {
    return picture.reduce((sum, value, i) => sum + (value - reconstruction[i]) ** 2, 0);
  }

  /** The share of the training images that the model reconstructs better, as `--rank` tells it. */
  score(error) {
    const { probabilities, errors } = this.quantiles;
    if (error <= errors[0]) return 0;
    const above = errors.findIndex((value) => value >= error);
    if (above < 0) return 1;
    const part = (error - errors[above - 1]) / (errors[above] - errors[above - 1] || 1);
    return probabilities[above - 1] + part * (probabilities[above] - probabilities[above - 1]);
  }
}

const arraysOf = ({ kernel, bias }) => [kernel.values, bias.values];

/** J^T D J [n, n], of J [outputs, n] and the diagonal D. */
function normalMatrix(jacobian, curvature, n) {
  const weighted = jacobian.map((value, i) => value * curvature[Math.floor(i / n)]);
  return product(transpose(weighted, curvature.length, n), pack(jacobian, curvature.length, n));
}

/** Points on the arc between two vectors: the direction turns evenly, the length is linear. */
function slerp(start, end, t) {
  const length = (v) => Math.hypot(...v);
  const [a, b] = [length(start), length(end)];
  if (Math.min(a, b) === 0) return start.map((x, i) => (1 - t) * x + t * end[i]);
  const cosine = start.reduce((sum, x, i) => sum + (x / a) * (end[i] / b), 0);
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
  if (Math.sin(angle) < 1e-6) return start.map((x, i) => (1 - t) * x + t * end[i]);
  const [p, q] = [(1 - t) * angle, t * angle].map((part) => Math.sin(part) / Math.sin(angle));
  const size = (1 - t) * a + t * b;
  return start.map((x, i) => size * ((p * x) / a + (q * end[i]) / b));
}

/** Random numbers in [0, 1) that a seed gives (mulberry32). */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A number of 16 bits: a sign, 5 bits of exponent and 10 of fraction. */
function half(bits) {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction;
  return bits >> 15 ? -size : size;
}

/** What a model's file says, with arrays in the place of {"array": number}. */
function revive({ arrays, data, ...description }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const read = ({ shape, at, type, scales }) => {
    const count = shape.reduce((size, side) => size * side, 1);
    if (type === "float32") return new Float32Array(bytes.buffer, at, count);
    if (type === "uint8") return bytes.subarray(at, at + count);
    if (type === "float16") return Float32Array.from(new Uint16Array(bytes.buffer, at, count), half);
    const factors = new Float32Array(bytes.buffer, scales, shape.at(-1));
    const steps = new Int8Array(bytes.buffer, at, count);
    return Float32Array.from(steps, (step, i) => step * factors[i % factors.length]);
  };
  const walk = (value) => {
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(walk);
    if ("array" in value) {
      const { shape } = arrays[value.array];
      return { shape, values: read(arrays[value.array]) };
    }
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, walk(part)]));
  };
  return walk(description);
}
