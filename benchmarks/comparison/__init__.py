"""What `benchmarks/compare.py` is made of: the same networks in four libraries, timed side by side."""
