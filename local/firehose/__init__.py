"""Data Firehose: delivers records of a Kinesis stream, or of its own puts, to S3, each exactly once."""
