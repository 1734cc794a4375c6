"""Training: a serial reference that reads like the textbook, and its stacked twin.

``train_serial`` trains one trial; ``train_stack`` trains several seeds (and learning rates, weight
decays and inits) of one ``suite.stacking.stack_shape`` as one batched computation. Both give the
same numbers per seed. Importing this package imports torch.
"""
