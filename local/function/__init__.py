"""Lambda's functions: each invocation in a process of its own kind, with the runtime's Python, warm between calls."""
