-- Clicks, the JSON objects of the first stream's records.
-- What differs from the table in the project's description, and why:
--   stream.arn, source.init.position: the connector for Flink 2 knows `stream` and `scan.stream.initpos` no more. Both
--     come with the other options of property group InputStream0, so that stages and streams need no other SQL.
--   txn_timestamp TIMESTAMP_LTZ(3): the events say their zone ("…Z" or an offset), so this is an instant.
--   NOT NULL: a click without a user or a time cannot be counted; it is dropped and counted as malformed.
--   user_session VARCHAR(36): a UUID has 36 characters.
--   counted-json: reads the clicks of a record as docs/streaming.md defines them. What is malformed is counted and dropped
--     instead of failing the job over and over. A value that its column cannot hold is null, unless it is NOT NULL.
--   watermark: never ahead of the clock here. One sender whose own clock is an hour ahead would make everybody else's
--     clicks late for an hour. The connector's metadata has the arrival, which its version 6.0 declares and does not fill.
--   No PARTITIONED BY: it names the key that a sink writes with, and this table is only read.
create table ecomm_user_activity_stream_1 (
    event_time varchar(30),
    event_type varchar(30),
    product_id bigint,
    category_id bigint,
    category_code varchar(30),
    brand varchar(30),
    price double,
    user_id bigint not null,
    user_session varchar(36),
    txn_timestamp timestamp_ltz(3) not null,
    watermark for txn_timestamp as
        case when txn_timestamp < current_timestamp then txn_timestamp else current_timestamp end
        - interval '${watermark_delay}' day to second
)
with (
    'connector' = 'kinesis',
    'format' = 'counted-json',
    ${options}
)
