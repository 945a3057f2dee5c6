"""Kinesis Data Streams: records kept in files, a shard a folder; knows its own API and nothing of ministack."""
