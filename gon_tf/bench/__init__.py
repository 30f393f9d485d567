"""Side-by-side measurements of training, encoding and decoding: what `gon-tf bench` runs.

cases.py      what is measured: networks and their sizes, and the ways to train them
published.py  the published step in PyTorch, plain and under torch.compile
jitted.py     the published step in JAX
workers.py    a process for each way, which take turns
limits.py     the arithmetic of a step, for "x times the limit"
measure.py    times, peak memory, the machine
"""
