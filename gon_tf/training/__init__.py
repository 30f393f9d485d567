"""Training by a recipe, from its data sets to the folder of the model."""
