"""Floor 5: the JAX back end: `emit` maps operations to kernels, `model` is what users hold, `step` trains it."""
