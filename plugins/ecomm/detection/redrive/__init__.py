"""Sends what lies in the queue of failures through the function again: `make redrive`."""
