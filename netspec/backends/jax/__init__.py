"""The JAX back end: `emit` maps operations to kernels, `model` is what users hold, `step` trains it."""
