"""The annotation itself, without a window: planes, jobs, the newest click, who owns pixels."""
