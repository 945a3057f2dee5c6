"""CloudWatch's alarms: what they watch, when they change their state, and what they say then."""
