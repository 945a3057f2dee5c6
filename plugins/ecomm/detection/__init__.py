"""What is done around the function that detects attacks."""
