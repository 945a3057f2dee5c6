"""What the streaming DAGs do beside starting and stopping Flink."""

# In place of a day: the one before the run, in UTC.
YESTERDAY = "yesterday"
