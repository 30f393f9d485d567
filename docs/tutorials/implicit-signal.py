# %% [markdown]
# # An implicit model of your own signal
#
# Readings of a sensor, the envelope of a sound, a light curve: values at times that differ from
# signal to signal, with gaps. An `ImplicitGON` learns a function of time from latents; any readings
# of a new signal give its latents, and these the whole signal, at any resolution. Here the signals
# are plucked strings: two decaying partials of random pitch, strength and onset.

# %%
import keras
import numpy as np
from PIL import Image

import gon_tf

keras.utils.set_random_seed(0)
generator = np.random.default_rng(0)


def strings(times, count):
    """Signals in [0, 1] at `times` `[count or 1, n]` in [-1, 1]: `[count, n]` float32."""
    pitch, strength = generator.uniform(4, 6, (count, 1)), generator.uniform(0.2, 0.5, (count, 1))
    onset, decay = generator.uniform(-0.9, -0.5, (count, 1)), generator.uniform(1, 3, (count, 1))
    since = times - onset
    wave = np.sin(pitch * since) + strength * np.sin(2 * pitch * since)
    return (0.5 + 0.3 * wave * np.exp(-decay * since) * (since > 0)).astype("float32")


def plot(curves, height=90):
    """Rows of signals as one picture; a curve is `(values, grey level)`."""
    rows = []
    for layers in curves:
        row = np.full((height, 512), 255, np.uint8)
        for times, values, level, size in layers:
            x = ((np.asarray(times) + 1) * 255.5).astype(int)
            y = np.clip(height - 1 - values * height, 0, height - 1).astype(int)
            for dx in range(-size, size + 1):
                for dy in range(-size, size + 1):
                    row[np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, 511)] = level
        rows += [row, np.full((4, 512), 0, np.uint8)]
    return Image.fromarray(np.concatenate(rows[:-1]))


# %% [markdown]
# ## Train
#
# 64 regular readings of 2,048 signals. The decoder is a SIREN: a small network of sines from
# (latents, time) to the value. `omega` is how fast its sines may be, in units of the interval;
# smooth signals want it small. Two steps from the origin, each by a Jacobian of its own, are cheap
# for a SIREN and worth it; the optimizer is Muon, which learns it faster than Adam.

# %%
regular = np.linspace(-1, 1, 64)
train = strings(regular, 2048)[..., None]  # [2048, 64, 1]
decoder = gon_tf.ImplicitDecoder(
    channels=1, latent_dim=8, width=64, depth=2, omega=10.0, coordinate_dim=1
)
model = gon_tf.ImplicitGON(decoder, image_shape=(64, 1), inner_steps=2)
model.compile(gon_tf.optimizers.Muon(keras.optimizers.schedules.CosineDecay(2e-3, 12 * 32)))
history = model.fit(train, batch_size=64, epochs=12, verbose=0)
print(f"mean squared error of a training value {history.history['loss'][-1] / 64:.5f}")

# %% [markdown]
# ## New signals from scattered readings
#
# 200 new signals, each with 16 readings at times of its own. `encode` takes the readings and their
# times, `decode` draws 256 points.

# %%
fine = np.linspace(-1, 1, 256)
times = np.sort(generator.uniform(-1, 1, (200, 16)), axis=1)
both = strings(np.concatenate([times, np.tile(fine, (200, 1))], axis=1), 200)
readings, truth = both[:, :16], both[:, 16:]

latents = model.encode(readings[..., None], coordinates=times[..., None])
drawn = model.decode(latents, size=(256,))[..., 0]
straight = np.stack([np.interp(fine, t, r) for t, r in zip(times, readings, strict=True)])

error, straight_error = np.mean((drawn - truth) ** 2), np.mean((straight - truth) ** 2)
print(
    f"mean squared error {error:.5f}; straight lines between readings {straight_error:.5f}; ",
    end="",
)
print(f"variance of the signals {np.var(truth):.5f}")

# %% [markdown]
# Grey: the truth. Black: what the model draws. Dots: the readings.

# %%
plot(
    [
        [(fine, truth[i], 190, 1), (fine, drawn[i], 0, 0), (times[i], readings[i], 90, 2)]
        for i in range(4)
    ]
)

# %% [markdown]
# ## A gap
#
# The same signals, of which the middle third is missing altogether. A line across the gap knows
# nothing of strings; the model does.

# %%
seen = np.abs(regular) > 1 / 3
gapped = strings(np.tile(regular, (200, 1)), 200)
latents = model.encode(
    gapped[:, seen, None], coordinates=np.tile(regular[seen], (200, 1))[..., None]
)
filled = model.decode(latents)[..., 0]
line = np.stack([np.interp(regular, regular[seen], signal[seen]) for signal in gapped])
gap_error = np.mean((filled - gapped)[:, ~seen] ** 2)
line_error = np.mean((line - gapped)[:, ~seen] ** 2)
print(f"mean squared error in the gap {gap_error:.5f}; a line across it {line_error:.5f}")
plot(
    [
        [
            (regular, gapped[i], 190, 1),
            (regular, filled[i], 0, 0),
            (regular[seen], gapped[i, seen], 90, 2),
        ]
        for i in range(4)
    ]
)

# %% [markdown]
# ## Your own
#
# Put your signals in the place of `train`: `[count, length, channels]`, between 0 and 1 (subtract
# the least value and divide by the range). Pictures are the same with `coordinate_dim=2`
# ([implicit_image.py](../../examples/implicit_image.py)), volumes with 3
# ([implicit_volume.py](../../examples/implicit_volume.py)). If the error does not fall, change the
# SIREN's `omega` first; if few readings are drawn badly, take fewer latents: with 12 instead of 8
# this model fits its readings better, and what lies between them worse.
