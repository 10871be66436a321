"""How good a segmentation is, without a user: simulated clicks and their scores."""
