"""Floor 2: what is not a layer: losses, optimizers, schedules, initializers, settings, and the facts about datasets."""
