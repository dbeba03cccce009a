"""What a training leaves on disk: run folders, checkpoints, model files."""
