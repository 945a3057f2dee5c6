"""The upload of a data set: sources of any kind and size become a zip and a CSV for each month, and one sample."""
