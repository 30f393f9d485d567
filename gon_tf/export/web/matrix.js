// Products of matrices and sines, the two loops that take the time: in WebAssembly where the
// browser has it with 128-bit vectors (kernel.wat, below as base64), otherwise in JavaScript.
// Matrices are Float32Arrays, row by row.

const KERNEL =
  "@KERNEL@";

/** A matrix [inner, columns] as `product` takes it: bands of 8 columns, each [inner, 8]. */
function pack(values, inner, columns) {
  const bands = Math.ceil(columns / 8);
  const packed = new Float32Array(bands * inner * 8);
  for (let k = 0; k < inner; k++) {
    for (let j = 0; j < columns; j++) {
      packed[((j >> 3) * inner + k) * 8 + (j & 7)] = values[k * columns + j];
    }
  }
  return { packed, inner, columns, bands };
}

/** shift + a b: a is [rows, inner], b packed, the shift [columns] or null for zeros. */
function product(a, b, shift = null) {
  const rows = a.length / b.inner;
  const padded = new Float32Array(b.bands * 8);
  if (shift) padded.set(shift);
  return wasm ? wasm.product(a, b, padded, rows) : plainProduct(a, b, padded, rows);
}

function plainProduct(a, b, shift, rows) {
  const { packed, inner, columns, bands } = b;
  const c = new Float32Array(rows * columns);
  const sums = new Float32Array(8);
  for (let i = 0; i < rows; i++) {
    for (let band = 0; band < bands; band++) {
      let [s0, s1, s2, s3, s4, s5, s6, s7] = shift.subarray(8 * band, 8 * band + 8);
      for (let p = i * inner, end = p + inner, q = band * inner * 8; p < end; p++, q += 8) {
        const x = a[p];
        s0 += x * packed[q];
        s1 += x * packed[q + 1];
        s2 += x * packed[q + 2];
        s3 += x * packed[q + 3];
        s4 += x * packed[q + 4];
        s5 += x * packed[q + 5];
        s6 += x * packed[q + 6];
        s7 += x * packed[q + 7];
      }
      sums.set([s0, s1, s2, s3, s4, s5, s6, s7]);
      const width = Math.min(8, columns - 8 * band);
      c.set(sums.subarray(0, width), i * columns + 8 * band);
    }
  }
  return c;
}

/** sin(x + quarters * pi / 2) of an array, in its place. */
function sine(x, quarters = 0) {
  if (wasm) return wasm.sine(x, quarters);
  for (let i = 0; i < x.length; i++) x[i] = Math.sin(x[i] + (quarters * Math.PI) / 2);
  return x;
}

/** [rows, columns] to [columns, rows]. */
function transpose(values, rows, columns) {
  const turned = new Float32Array(values.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j];
  }
  return turned;
}

/** A row vector times a matrix [inner, columns], plus a bias: too small for the kernel. */
function affine(x, kernel, bias) {
  const columns = bias.length;
  const sums = Float64Array.from(bias);
  for (let i = 0; i < x.length; i++) {
    if (x[i] === 0) continue; // half of a drawing is black
    for (let j = 0, p = i * columns; j < columns; j++, p++) sums[j] += x[i] * kernel[p];
  }
  return Float32Array.from(sums);
}

/** The solution of A s = right, A being symmetric positive definite [n, n]: by Cholesky. */
function solve(matrix, right) {
  const n = right.length;
  const factor = Float64Array.from(matrix);
  const s = Float64Array.from(right);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = factor[i * n + j];
      for (let k = 0; k < j; k++) sum -= factor[i * n + k] * factor[j * n + k];
      factor[i * n + j] = i === j ? Math.sqrt(sum) : sum / factor[j * n + j];
    }
    for (let k = 0; k < i; k++) s[i] -= factor[i * n + k] * s[k];
    s[i] /= factor[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) s[i] -= factor[k * n + i] * s[k];
    s[i] /= factor[i * n + i];
  }
  return s;
}

/** The kernel with its memory, or null: each call copies its arrays in and its result out. */
const wasm = (() => {
  let exports;
  try {
    const bytes = Uint8Array.from(atob(KERNEL), (letter) => letter.charCodeAt(0));
    ({ exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes)));
  } catch {
    return null;
  }
  const numbersAt = (place, count) => new Float32Array(exports.memory.buffer, 4 * place, count);
  const reserve = (numbers) => {
    const missing = 4 * numbers - exports.memory.buffer.byteLength;
    if (missing > 0) exports.memory.grow(Math.ceil(missing / 65536));
  };
  return {
    product(a, { packed, inner, columns, bands }, shift, rows) {
      const height = 4 * Math.ceil(rows / 4);
      const width = 8 * bands;
      const places = [0, height * inner]; // of a, b, shift and c
      places.push(places[1] + packed.length, places[1] + packed.length + width);
      reserve(places[3] + height * width);
      [a, packed, shift].forEach((values, i) => numbersAt(places[i], values.length).set(values));
      exports.product(...places.map((place) => 4 * place), height, inner, width);
      const c = numbersAt(places[3], rows * width);
      if (width === columns) return c.slice();
      return Float32Array.from({ length: rows * columns }, (_, i) =>
        c[Math.floor(i / columns) * width + (i % columns)]);
    },
    sine(x, quarters) {
      reserve(x.length + 3);
      numbersAt(0, x.length).set(x);
      exports.sine(0, 4 * Math.ceil(x.length / 4), quarters);
      x.set(numbersAt(0, x.length));
      return x;
    },
  };
})();
