"""What the streaming DAGs do beside starting and stopping Flink."""
