-- Windows of 5 s with far more traffic than the minutes before them, one JSON object a record of the second stream.
--   signal: "events", all clicks of the window, or "new_users", those of its users who had not clicked for an hour.
--   observed: how many there are. baseline: how many a window of the last minutes had on average.
--   kind: always "traffic", which no row of ecomm_user_activity_stream_2 is.
--   partitioned by (kind): all of these rows are in one shard and in order.
create table ecomm_traffic (
    kind varchar(7),
    signal varchar(9),
    observed bigint,
    baseline double,
    window_start timestamp_ltz(3),
    window_end timestamp_ltz(3)
)
partitioned by (kind)
with (
    'connector' = 'kinesis',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601',
    ${options}
)
