"""Long work on many planes: what it needs to be killed and go on, and stacks and tables of it."""
