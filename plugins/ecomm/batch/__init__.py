"""The tasks of the batch DAG: which months, the audit of what was converted, and the switches that publish."""
