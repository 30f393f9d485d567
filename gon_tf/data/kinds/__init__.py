"""The kinds of data set: a module each."""
