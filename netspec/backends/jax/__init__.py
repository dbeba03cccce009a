"""Floor 5: the JAX back end, Graph → Model. `emit` maps operations to kernels, `model` is what users hold, `step` trains it."""
