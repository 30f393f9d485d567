# %% [markdown]
# # Train and look
#
# A GON of small digits, trained in a few seconds, and a look at what it has learnt: its errors, the
# picture of the origin, the encoder as a matrix, samples and interpolations. The data are the 1,797
# digits of 8x8 pixels that scikit-learn ships (`pip install "gon-tf[mixture]"` brings it), so no
# network is needed.

# %%
import keras
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

import gon_tf
from gon_tf import pictures

keras.utils.set_random_seed(0)
digits = load_digits().images[..., None].astype("float32") / 16  # [1797, 8, 8, 1], in [0, 1]
train, test = digits[:1500], digits[1500:]


def show(images, columns=12, zoom=5):
    """A picture of images in [0, 1], enlarged."""
    sheet = pictures.grid(pictures.to_uint8(images), columns)
    return Image.fromarray(
        pictures.enlarged(sheet, [zoom * side for side in sheet.shape[:2]])[..., 0]
    )


show(train[:24])

# %% [markdown]
# ## Train
#
# A decoder from 12 latents to a picture, and a model around it. The default step from the origin
# wants a high learning rate and an Adam that forgets quickly.

# %%
model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), latent_dim=12, filters=32))
schedule = keras.optimizers.schedules.CosineDecay(0.02, 40 * 24)
model.compile(keras.optimizers.Adam(schedule, beta_1=0.95, beta_2=0.95))
history = model.fit(train, batch_size=64, epochs=40, verbose=0)
print(f"{model.count_params():,} parameters, training error {history.history['loss'][-1]:.3f}")

# %% [markdown]
# ## How good is it?
#
# On digits that it has not seen, beside PCA with as many numbers: the best that a linear encoder
# and a *linear* decoder can do. The GON's encoder is affine as well, so the difference is what the
# nonlinear way back is worth.

# %%
found = model.reconstruct(test)
error = np.mean(np.sum((found - test) ** 2, axis=(1, 2, 3)))

pca = PCA(12).fit(train.reshape(1500, -1))
linear = pca.inverse_transform(pca.transform(test.reshape(len(test), -1))).reshape(test.shape)
pca_error = np.mean(np.sum((linear - test) ** 2, axis=(1, 2, 3)))
print(f"squared error per digit: GON {error:.2f}, PCA {pca_error:.2f}")

# %% [markdown]
# From top to bottom: the digits, the GON, PCA.

# %%
show(np.concatenate([test[:12], found[:12], np.clip(linear[:12], 0, 1)]))

# %% [markdown]
# ## What is at the origin?
#
# All images start from the decoder's picture of the latents 0. One step leads to each of them, here
# walked in elevenths.

# %%
parts = np.linspace(0, 1, 12)[:, None]
ways = [model.decode((parts * latents).astype("float32")) for latents in model.encode(test[:3])]
show(np.concatenate(ways))

# %% [markdown]
# ## The encoder is one matrix
#
# The step from the origin is an affine map of the image. `fold` gives it as a Dense layer, and its
# columns are pictures: what is bright in one raises that latent, what is dark lowers it.

# %%
encoder = model.fold()
kernel, bias = encoder.get_weights()
difference = np.abs(encoder.predict(test, verbose=0) - model.encode(test)).max()
print(f"kernel {kernel.shape}, bias {bias.shape}; differs from encode by {difference:.1e}")
rows = kernel.T.reshape(12, 8, 8, 1)
show(0.5 + 0.5 * rows / np.abs(rows).max(axis=(1, 2, 3), keepdims=True))

# %% [markdown]
# ## Samples, and from one digit to another
#
# After training, the distribution of the training digits' latents was fitted: Gaussians, each for a
# few similar digits. Each seed gives its own digit. With a model this small, some look like digits
# and some do not.

# %%
show(model.sample(36, seed=0))

# %%
show(np.concatenate([model.interpolate(test[i], test[i + 1], steps=12) for i in (0, 2, 4)]))

# %% [markdown]
# Next: [latents for a downstream task](latents-for-a-task.md), or [your own
# pictures](../your-pictures.md) by one command.
