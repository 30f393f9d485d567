// A decoder that gives a picture point by point, at any resolution, from latents and coordinates.

const POINTS_AT_ONCE = 1024;

/** The points of a grid, row by row, [height * width, 2]: corners at -1 and 1. */
function gridOf(height, width) {
  const points = new Float32Array(height * width * 2);
  const at = (i, side) => (side > 1 ? -1 + (2 * i) / (side - 1) : -1);
  for (let i = 0; i < height * width; i++) {
    points[2 * i] = at(Math.floor(i / width), height);
    points[2 * i + 1] = at(i % width, width);
  }
  return points;
}

/** Coordinates [n, 2] as what the first layer sees. */
const ENCODINGS = {
  none: (points) => points,
  nerf(points, { octaves }) {
    const features = new Float32Array(points.length * 2 * octaves);
    points.forEach((x, i) => {
      for (let k = 0; k < octaves; k++) {
        const angle = Math.fround(Math.fround(Math.PI) * 2 ** k * x);
        features[i * 2 * octaves + k] = Math.sin(angle);
        features[(i * 2 + 1) * octaves + k] = Math.cos(angle);
      }
    });
    return features;
  },
  gaussian(points, { projection }) {
    const [, count] = projection.shape;
    const features = new Float32Array(points.length * count);
    for (let i = 0; i < points.length / 2; i++) {
      for (let k = 0; k < count; k++) {
        const across = points[2 * i] * projection.values[k];
        const angle = 2 * Math.PI * (across + points[2 * i + 1] * projection.values[count + k]);
        features[2 * i * count + k] = Math.sin(angle);
        features[(2 * i + 1) * count + k] = Math.cos(angle);
      }
    }
    return features;
  },
};

class Points {
  constructor(description) {
    this.encode = (points) => ENCODINGS[description.encoding.kind](points, description.encoding);
    this.isSine = description.activation === "sine";
    this.activation = ACTIVATIONS[description.activation];
    this.layers = description.layers.map(({ kernel, bias, shift, scale }) => ({
      ...bothWays(kernel),
      bias: bias.values,
      shift: shift && { ...bothWays(shift), kernel: shift.values },
      scale: scale && { kernel: scale.kernel.values, bias: scale.bias.values },
    }));
    this.last = { ...bothWays(description.last.kernel), kernel: description.last.kernel };
    this.lastBias = description.last.bias.values;
    this.channels = this.lastBias.length;
    this.squashes = description.squashes;
    this.hasDerivatives = this.layers.every((layer) => !layer.scale);
  }

  /** Shift and scale of each hidden layer, which are the same at all points. */
  modulations(latents) {
    let seen = latents;
    return this.layers.map(({ bias, shift, scale }) => {
      if (scale) {
        const factors = affine(seen, scale.kernel, scale.bias).map((x) => Math.max(x, 0));
        seen = Float32Array.of(...factors, ...latents);
        return { shift: bias, scale: factors };
      }
      return { shift: shift ? affine(latents, shift.kernel, bias) : bias, scale: null };
    });
  }

  /** Values at points [n, 2], [n * channels]; `kept` collects what derivatives need. */
  outputs(latents, points, modulations = this.modulations(latents), kept = null) {
    let hidden = this.encode(points);
    this.layers.forEach((layer, i) => {
      const { shift, scale } = modulations[i];
      hidden = product(hidden, layer.there, shift);
      if (kept) kept.push(hidden.slice());
      hidden = this.isSine ? sine(hidden) : hidden.map(this.activation.of);
      if (scale) hidden.forEach((value, j) => (hidden[j] = value * scale[j % scale.length]));
    });
    const outputs = product(hidden, this.last.there, this.lastBias);
    return this.squashes ? outputs.map(ACTIVATIONS.sigmoid.of) : outputs;
  }

  /** Outputs and their derivatives by the latents, [n * channels, latents]. */
  jacobian(latents, points) {
    const rows = points.length / 2;
    const jacobian = new Float32Array(rows * this.channels * latents.length);
    const outputs = new Float32Array(rows * this.channels);
    const modulations = this.modulations(latents);
    for (let start = 0; start < rows; start += POINTS_AT_ONCE) {
      const part = points.subarray(2 * start, 2 * (start + POINTS_AT_ONCE));
      this.linearize(latents, part, modulations, (output, row, values, derivatives) => {
        outputs[start * this.channels + output] = values[output];
        const place = (start * this.channels + output) * latents.length;
        jacobian.set(derivatives.subarray(row * latents.length, (row + 1) * latents.length), place);
      });
    }
    return [outputs, jacobian];
  }

  /** The same for few points: a pass backwards for each channel serves all of them. */
  linearize(latents, points, modulations, store) {
    const inputs = [];
    const values = this.outputs(latents, points, modulations, inputs);
    const slopes = inputs.map((x) =>
      this.isSine ? sine(x, 1) : x.map((v) => this.activation.slope(v, this.activation.of(v))));
    const [width, channels] = this.last.kernel.shape;
    const rows = points.length / 2;
    for (let c = 0; c < channels; c++) {
      let g = new Float32Array(rows * width);
      for (let i = 0; i < g.length; i++) {
        const value = values[Math.floor(i / width) * channels + c];
        const slope = this.squashes ? value * (1 - value) : 1;
        g[i] = this.last.kernel.values[(i % width) * channels + c] * slope;
      }
      const derivatives = new Float32Array(rows * latents.length);
      for (let i = this.layers.length - 1; i >= 0; i--) {
        const { back, shift } = this.layers[i];
        for (let j = 0; j < g.length; j++) g[j] *= slopes[i][j];
        if (shift) product(g, shift.back).forEach((value, j) => (derivatives[j] += value));
        if (i > 0) g = product(g, back);
      }
      for (let row = 0; row < rows; row++) store(row * channels + c, row, values, derivatives);
    }
  }
}

function bothWays({ shape: [inner, columns], values }) {
  return {
    there: pack(values, inner, columns),
    back: pack(transpose(values, inner, columns), columns, inner),
  };
}
