"""The networks as an expert of each library writes them; all of them return logits."""
