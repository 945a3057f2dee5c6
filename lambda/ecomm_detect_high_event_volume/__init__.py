"""Stores what Flink counts, and mails an alert when a user, or the traffic as a whole, acts far more than usual."""
