"""What networks cost: time, memory, operations and energy, measured apart from training.

==============  ===================================================================
``plan``        conditions × devices × replicates → tasks, without torch
``campaign``    tasks → results in the store, one fresh process for each replicate
``processes``   starts such a process and reads what it found
``worker``      what runs in it
``protocol``    warm-up, interleaving, samples and flags, on any clock
``network``     the networks and their activities
==============  ===================================================================

Importing this package imports no torch; ``worker`` and what it needs do.
"""
