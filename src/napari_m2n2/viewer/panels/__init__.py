"""The parts of the widget: each shows and sets one part of the state, and nothing else."""
