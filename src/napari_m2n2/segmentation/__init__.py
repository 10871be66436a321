"""From distance maps and prompts to a mask."""
