"""Losses, optimizers, schedules, initializers, settings, and the facts about datasets."""
