"""Two results of the same trials, such as two versions or two machines: what changed.

The arms are the results themselves: A, the one to compare with, and B. Trials are paired by study,
condition and seed (costs by condition and replicate), so what the seed fixes is the same in both.
"""
