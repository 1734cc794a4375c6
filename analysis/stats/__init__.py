"""Statistics on numpy arrays: pure functions, frozen results, one topic a file.

The unit of replication is the seed: every sample here is an array with one number per seed. A NaN
is refused everywhere, too little data gives infinite intervals, and a constant sample is judged by
a stated rule (:mod:`analysis.stats.paired`).
"""
