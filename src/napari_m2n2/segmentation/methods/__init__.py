"""Methods beside M2N2 that answer on the grid of the attention. None knows another."""
