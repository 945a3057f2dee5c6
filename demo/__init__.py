"""`make demo`: the batch pipeline on this machine, run through Airflow's API as a person would in its UI."""


class DemoError(Exception):
    """A sentence for the person who runs the demo: what went wrong and what to do."""
