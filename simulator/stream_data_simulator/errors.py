"""What stops a simulation, said so that the reader knows the way out."""


class SimulatorError(Exception):
    """The simulation cannot start or cannot go on; the message names the thing, what is wrong and what to do."""


class RowError(Exception):
    """A line of the source is no event; the message is the reason."""
