"""Inputs as people have them, and what each reader of the raw bucket makes of them."""
