"""Executors: where stacks are trained. ``base`` has the contract; one executor a file."""
