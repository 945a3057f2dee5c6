"""Managed Flink: runs an application's zip on a Flink cluster of this machine."""
