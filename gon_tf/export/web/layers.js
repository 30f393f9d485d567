// A decoder of pictures as a list of layers. Each goes forward, and backwards: from the derivatives
// of a loss by its outputs to those by its inputs. Pictures are [height, width, channels].

/** Element-wise functions, with their slope by the input x and the output y. */
const ACTIVATIONS = {
  linear: { of: (x) => x, slope: () => 1 },
  relu: { of: (x) => Math.max(x, 0), slope: (x) => (x > 0 ? 1 : 0) },
  elu: { of: (x) => (x > 0 ? x : Math.expm1(x)), slope: (x, y) => Math.min(y, 0) + 1 },
  selu: {
    of: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
    slope: (x, y) => (x > 0 ? 1.0507009873554805 : y + 1.7580993408473766),
  },
  silu: {
    of: (x) => x / (1 + Math.exp(-x)),
    slope: (x, y) => y + (1 - y) / (1 + Math.exp(-x)),
  },
  softplus: {
    of: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    slope: (x) => 1 / (1 + Math.exp(-x)),
  },
  tanh: { of: Math.tanh, slope: (x, y) => 1 - y * y },
  sigmoid: { of: (x) => 1 / (1 + Math.exp(-x)), slope: (x, y) => y * (1 - y) },
};

/** The patches [places, size * size * channels] that a window of a convolution sees. */
function gather(picture, { height, width, channels, size, stride, before, rows, columns }) {
  const patches = new Float32Array(rows * columns * size * size * channels);
  eachOverlap({ height, width, size, stride, before, rows, columns }, (place, pixel) => {
    for (let c = 0; c < channels; c++) {
      patches[place * channels + c] = picture[pixel * channels + c];
    }
  });
  return patches;
}

/** The opposite: the sum of all patches where they lie in the picture. */
function scatter(patches, { height, width, channels, size, stride, before, rows, columns }) {
  const picture = new Float32Array(height * width * channels);
  eachOverlap({ height, width, size, stride, before, rows, columns }, (place, pixel) => {
    for (let c = 0; c < channels; c++) {
      picture[pixel * channels + c] += patches[place * channels + c];
    }
  });
  return picture;
}

function eachOverlap({ height, width, size, stride, before, rows, columns }, visit) {
  let place = 0; // in the patches
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let i = 0; i < size; i++) {
        const y = row * stride + i - before;
        for (let j = 0; j < size; j++, place++) {
          const x = column * stride + j - before;
          if (y >= 0 && y < height && x >= 0 && x < width) visit(place, y * width + x);
        }
      }
    }
  }
}

/** Twice the sides by bilinear interpolation: the four pixels around a place and their weights. */
function eachNeighbour(height, width, visit) {
  const around = (i, side) => {
    const place = Math.min(side - 1, Math.max(0, (i + 0.5) / 2 - 0.5));
    const low = Math.min(side - 1, Math.floor(place));
    return [[low, 1 - (place - low)], [Math.min(side - 1, low + 1), place - low]];
  };
  const columns = Array.from({ length: 2 * width }, (_, x) => around(x, width));
  for (let y = 0; y < 2 * height; y++) {
    for (const [row, a] of around(y, height)) {
      columns.forEach((pair, x) => {
        for (const [column, b] of pair) {
          if (a * b) visit(y * 2 * width + x, row * width + column, a * b);
        }
      });
    }
  }
}

function enlarge(picture, height, width, channels) {
  const large = new Float32Array(4 * picture.length);
  eachNeighbour(height, width, (to, from, weight) => {
    for (let c = 0; c < channels; c++) {
      large[to * channels + c] += weight * picture[from * channels + c];
    }
  });
  return large;
}

function enlargeBack(large, height, width, channels) {
  const picture = new Float32Array(large.length / 4);
  eachNeighbour(height, width, (from, to, weight) => {
    for (let c = 0; c < channels; c++) {
      picture[to * channels + c] += weight * large[from * channels + c];
    }
  });
  return picture;
}

function addBias(picture, bias) {
  for (let i = 0; i < picture.length; i++) picture[i] += bias[i % bias.length];
  return picture;
}

/** A layer of a model's file with `forward(inputs)` and `backward(derivatives, inputs, outputs)`. */
const LAYERS = {
  dense({ kernel, bias }) {
    const [inner, columns] = kernel.shape;
    const there = pack(kernel.values, inner, columns);
    const back = pack(transpose(kernel.values, inner, columns), columns, inner);
    return {
      forward: (x) => product(x, there, bias.values),
      backward: (g) => product(g, back),
    };
  },
  convolution({ kernel, bias, window }) {
    const [inner, columns] = kernel.shape;
    const there = pack(kernel.values, inner, columns);
    const back = pack(transpose(kernel.values, inner, columns), columns, inner);
    return {
      forward: (x) => product(gather(x, window), there, bias.values),
      backward: (g) => scatter(product(g, back), window),
    };
  },
  "transposed convolution"({ kernel, bias, window }) {
    const [inner, columns] = kernel.shape;
    const there = pack(kernel.values, inner, columns);
    const back = pack(transpose(kernel.values, inner, columns), columns, inner);
    return {
      forward: (x) => addBias(scatter(product(x, there), window), bias.values),
      backward: (g) => product(gather(g, window), back),
    };
  },
  enlarge({ height, width, channels }) {
    return {
      forward: (x) => enlarge(x, height, width, channels),
      backward: (g) => enlargeBack(g, height, width, channels),
    };
  },
  /** The sum of what several chains of layers make of the same inputs. */
  sum({ chains }) {
    const parts = chains.map((layers) => new Layers({ layers }));
    const add = (arrays) => arrays[0].map((_, i) => arrays.reduce((sum, a) => sum + a[i], 0));
    return {
      forward: (x) => add(parts.map((part) => part.outputs(x))),
      backward: (g, x) => add(parts.map((part) => part.pullBack(x)[1](g))),
    };
  },
  activation({ name }) {
    const { of, slope } = ACTIVATIONS[name];
    return {
      forward: (x) => x.map(of),
      backward: (g, x, y) => g.map((value, i) => value * slope(x[i], y[i])),
    };
  },
};

/** A network from latents to outputs, and backwards. */
class Layers {
  constructor(description) {
    this.layers = description.layers.map((layer) => LAYERS[layer.kind](layer));
  }

  outputs(latents) {
    return this.layers.reduce((x, layer) => layer.forward(x), latents);
  }

  /** Outputs, and the function from derivatives by them to derivatives by the latents. */
  pullBack(latents) {
    const values = [latents];
    for (const layer of this.layers) values.push(layer.forward(values.at(-1)));
    const pull = (g) =>
      this.layers.reduceRight((g, layer, i) => layer.backward(g, values[i], values[i + 1]), g);
    return [values.at(-1), pull];
  }
}
