"""Lambda's event source mappings of Kinesis streams: readers of shards that invoke a function with batches."""
