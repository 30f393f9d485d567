# %% [markdown]
# # Latents for a downstream task
#
# The latents of a GON are few numbers that hold most of a picture, and encoding is one matrix
# product. So they can stand where PCA's components stand: before a classifier, a cluster analysis,
# a search for neighbours. Here: the 1,797 digits of 8x8 pixels that scikit-learn ships, 16 numbers
# for each, a logistic regression behind them, and the question that matters: what do they lose
# against the pixels?

# %%
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gon_tf.sklearn import GONTransformer

pixels, labels = load_digits(return_X_y=True)
pixels = (pixels / 16).astype("float32")  # [1797, 64], in [0, 1]
train, test, train_labels, test_labels = train_test_split(
    pixels, labels, test_size=0.3, random_state=0, stratify=labels
)
COMPONENTS = 16

# %% [markdown]
# ## Latents without labels
#
# `GONTransformer` has the interface of scikit-learn's own, such as PCA: rows of pixels in, rows of
# numbers out. It sees the pictures of the training part, and no labels. Two dense layers are its
# decoder, or transposed convolutions if it is told the shape of the picture.

# %%
gon = GONTransformer(COMPONENTS, image_shape=(8, 8), filters=32, epochs=40, random_state=0)
gon.fit(train)
pca = PCA(COMPONENTS).fit(train)

# %% [markdown]
# ## What is kept of the picture

# %%
backs = {
    "GON": gon.inverse_transform(gon.transform(test)),
    "PCA": pca.inverse_transform(pca.transform(test)),
}
errors = {name: float(np.mean(np.sum((back - test) ** 2, axis=1))) for name, back in backs.items()}
for name, error in errors.items():
    print(f"{name}: squared error per digit {error:.3f}")

# %% [markdown]
# ## What a classifier makes of it
#
# A logistic regression on standardised numbers, with the labels of the training part, and with 50
# labels only.

# %%
inputs = {
    "pixels": (train, test),
    "PCA": (pca.transform(train), pca.transform(test)),
    "GON": (gon.transform(train), gon.transform(test)),
}
accuracies = {}
for name, (known, unknown) in inputs.items():
    for count in (len(train), 50):
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        classifier.fit(known[:count], train_labels[:count])
        accuracies[name, count] = classifier.score(unknown, test_labels)
        numbers = known.shape[1]
        print(f"{name:7}{numbers:3} numbers, {count:5} labels: {accuracies[name, count]:.3f}")

# %% [markdown]
# Read it soberly. 16 numbers classify about as well as PCA's 16 and a little worse than all 64
# pixels; what the GON adds is that the same 16 numbers give the picture back with a smaller error.
# Latents of a GON know pixels, not meaning: to classify photos, take a pretrained encoder of
# features ([GON or something else?](../something-else.md)).
#
# The transformer goes into pipelines and searches as it is, e.g. `make_pipeline(GONTransformer(16),
# LogisticRegression())`.
#
# ## Find what is unusual
#
# A picture that the model cannot give back is unlike those it has learnt. The test digits, some of
# them upside down:

# %%
upside_down = test[:50].reshape(-1, 8, 8)[:, ::-1].reshape(50, 64)


def error_of(rows):
    """Squared error of each row."""
    return np.sum((gon.inverse_transform(gon.transform(rows)) - rows) ** 2, axis=1)


threshold = np.quantile(error_of(train), 0.95)
usual, unusual = (error_of(rows) > threshold for rows in (test[50:], upside_down))
print(f"beyond 95% of the training digits: {usual.mean():.0%} of test digits, ", end="")
print(f"{unusual.mean():.0%} of those upside down")

# %% [markdown]
# A model of 1,257 digits knows those better than any others, so more than 5% of the test digits lie
# beyond. More training images narrow that. `gon-tf evaluate MODEL FOLDER --per-image` does this for
# a folder of pictures ([Your own pictures](../your-pictures.md)).
