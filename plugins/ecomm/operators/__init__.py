"""Operators of our own, where the provider's would do harm; docs/decisions/0031 says which and why."""
