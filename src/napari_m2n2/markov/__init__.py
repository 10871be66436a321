"""From attention to distance maps: transition matrix, Markov map, upsampling, flood fill."""
