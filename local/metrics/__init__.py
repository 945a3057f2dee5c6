"""CloudWatch's metrics: what was sent, its statistics, and mathematics on them."""
