"""What a notebook shows of a network, a model, a run and a dataset."""
