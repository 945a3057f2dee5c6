-- What Trino's functions do and DuckDB's do not, as macros of DuckDB; every name starts with athena_.
-- A text that starts with chr(1) can be cast to nothing, one that starts with chr(2) carries an error of ours: NAME: message.

CREATE MACRO athena_spaces() AS E' \t\n\r\x0b\x0c';

CREATE MACRO athena_checked(given, pattern) AS
  CASE WHEN regexp_full_match(given, pattern) THEN given ELSE chr(1) || given END;

CREATE MACRO athena_failure(message) AS CAST(chr(2) || message AS BIGINT);

-- ---- how results are printed ----

-- Java's Double.toString over DuckDB's shortest digits: plain from 1e-3 up to 1e7, else d.dddE±n.
CREATE MACRO athena_scientific(negative, digits, exponent) AS
  CASE WHEN negative THEN '-' ELSE '' END || digits[1] || '.' ||
  CASE WHEN length(digits) > 1 THEN substring(digits, 2) ELSE '0' END || 'E' || CAST(exponent AS VARCHAR);
CREATE MACRO athena_mantissa(shown, negative) AS
  CASE
    WHEN contains(shown, 'e') THEN athena_scientific(
      negative,
      coalesce(nullif(rtrim(replace(split_part(shown, 'e', 1), '.', ''), '0'), ''), '0'),
      CAST(split_part(shown, 'e', 2) AS INTEGER))
    WHEN starts_with(shown, '0.') THEN athena_scientific(
      negative,
      rtrim(ltrim(substring(shown, 3), '0'), '0'),
      length(ltrim(substring(shown, 3), '0')) - length(substring(shown, 3)) - 1)
    ELSE athena_scientific(
      negative,
      rtrim(replace(shown, '.', ''), '0'),
      length(split_part(shown, '.', 1)) - 1)
  END;
CREATE MACRO athena_java_text(x) AS
  CASE
    WHEN x IS NULL THEN NULL
    WHEN isnan(x) THEN 'NaN'
    WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
    WHEN x = 0 OR (abs(x) >= 1e-3::DOUBLE AND abs(x) < 1e7::DOUBLE) THEN CAST(x AS VARCHAR)
    ELSE athena_mantissa(CAST(abs(x) AS VARCHAR), x < 0)
  END;

CREATE MACRO athena_interval_text(microseconds) AS
  CASE WHEN microseconds < 0 THEN '-' ELSE '' END || CAST(abs(microseconds) // 86400000000 AS VARCHAR) || ' ' ||
  strftime(make_timestamp(abs(microseconds) % 86400000000), '%H:%M:%S.%g');
CREATE MACRO athena_months_text(months) AS
  CASE WHEN months < 0 THEN '-' ELSE '' END || CAST(abs(months) // 12 AS VARCHAR) || '-' || CAST(abs(months) % 12 AS VARCHAR);

-- ---- numbers ----

-- Half away from zero.
CREATE MACRO athena_divided(dividend, divisor) AS
  CAST(sign(dividend) * sign(divisor) AS HUGEINT) * ((abs(dividend) * 2 + abs(divisor)) // (2 * abs(divisor)));

CREATE MACRO athena_ten(power) AS CAST(rpad('1', CAST(power AS INTEGER) + 1, '0') AS HUGEINT);

CREATE MACRO athena_decimal_text(x, scale) AS
  CASE WHEN x IS NULL THEN NULL
    ELSE CASE WHEN x < 0 THEN '-' ELSE '' END
      || CAST(abs(x) // athena_ten(scale) AS VARCHAR) || '.'
      || lpad(CAST(abs(x) % athena_ten(scale) AS VARCHAR), scale, '0')
  END;

CREATE MACRO athena_digits(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT);

CREATE MACRO athena_decimal_quotient(dividend, divisor, scale1, scale2, scale) AS
  athena_decimal_text(
    athena_divided(
      athena_digits(dividend) * athena_ten(scale - scale1 + scale2),
      athena_digits(divisor)),
    scale);

CREATE MACRO athena_decimal_mean(total, count, scale) AS
  CASE WHEN count > 0 THEN athena_decimal_text(athena_divided(athena_digits(total), CAST(count AS HUGEINT)), scale) END;

CREATE MACRO athena_width_bucket(x, low, high, buckets) AS
  CASE WHEN x < low THEN 0 WHEN x >= high THEN buckets + 1
    ELSE CAST(floor((x - low) / ((high - low) / buckets)) AS BIGINT) + 1 END;

CREATE MACRO athena_from_base(digits, base) AS
  CAST(list_sum(list_transform(range(1, length(digits) + 1), lambda i:
    (strpos('0123456789abcdefghijklmnopqrstuvwxyz', digits[i]) - 1) * pow(base, length(digits) - i))) AS BIGINT);

CREATE MACRO athena_cbrt(x) AS
  CASE WHEN x = 0 OR NOT isfinite(x) THEN x
    ELSE cbrt(x) - (cbrt(x) * cbrt(x) * cbrt(x) - x) / (3 * cbrt(x) * cbrt(x)) END;

-- CAST(double AS varchar): always with an exponent.
CREATE MACRO athena_double_text(x) AS
  CASE
    WHEN isnan(x) THEN 'NaN'
    WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
    WHEN x = 0 THEN CASE WHEN starts_with(CAST(x AS VARCHAR), '-') THEN '-0E0' ELSE '0E0' END
    ELSE athena_mantissa(CAST(abs(x) AS VARCHAR), x < 0)
  END;

-- ---- texts ----

CREATE MACRO athena_substr(given, start) AS
  CASE WHEN start = 0 OR abs(start) > length(given) THEN left(given, 0)
    WHEN start > 0 THEN substring(given, start) ELSE right(given, -start) END;

CREATE MACRO athena_substr_length(given, start, count) AS
  CASE WHEN start = 0 OR count <= 0 OR abs(start) > length(given) THEN left(given, 0)
    WHEN start > 0 THEN substring(given, start, count) ELSE left(right(given, -start), count) END;

CREATE MACRO athena_split(given, separator) AS
  CASE WHEN given = '' THEN [''] ELSE string_split(given, separator) END;

CREATE MACRO athena_split_limit(given, separator, most) AS
  CASE WHEN len(athena_split(given, separator)) <= most THEN athena_split(given, separator)
    ELSE list_append(athena_split(given, separator)[1:most - 1],
      array_to_string(athena_split(given, separator)[most:], separator)) END;

CREATE MACRO athena_split_part(given, separator, number) AS
  athena_split(given, separator)[
    CASE WHEN number < 1 THEN athena_failure('INVALID_FUNCTION_ARGUMENT: Index must be greater than zero') ELSE number END];

CREATE MACRO athena_split_to_map(given, entries, pair) AS
  map_from_entries(list_transform(string_split(given, entries), lambda e:
    {'key': split_part(e, pair, 1), 'value': substring(e, length(split_part(e, pair, 1)) + length(pair) + 1)}));

CREATE MACRO athena_strpos(given, wanted, number) AS
  CASE WHEN len(string_split(given, wanted)) > number
    THEN length(array_to_string(string_split(given, wanted)[1:number], wanted)) + 1 ELSE 0 END;

CREATE MACRO athena_concat_ws(separator, items) AS
  CASE WHEN separator IS NOT NULL THEN coalesce(array_to_string(list_filter(items, lambda e: e IS NOT NULL), separator), '') END;

CREATE MACRO athena_regexp_extract(given, pattern, number) AS
  nullif(CASE WHEN regexp_matches(given, pattern) THEN regexp_extract(given, pattern, number) END,
    CASE WHEN number > 0 THEN '' END);

CREATE MACRO athena_regexp_position(given, pattern) AS
  CASE WHEN regexp_matches(given, pattern)
    THEN CAST(length(regexp_extract(given, '^(?s)(.*?)(?:' || pattern || ')', 1)) + 1 AS INTEGER) ELSE -1 END;

CREATE MACRO athena_url_parameter(query, name) AS
  url_decode(replace(list_filter(list_transform(string_split(query, '&'), lambda e:
    {'name': split_part(e, '=', 1), 'value': substring(e, length(split_part(e, '=', 1)) + 2)}),
    lambda e: e.name = name)[1].value, '+', '%20'));

CREATE MACRO athena_thousands(digits) AS
  regexp_replace(reverse(regexp_replace(reverse(digits), '([0-9]{3})', '\1,', 'g')), '^(-?),', '\1');

-- ---- dates and times ----

CREATE MACRO athena_microseconds(i) AS CAST(epoch_us(i) AS BIGINT);
CREATE MACRO athena_months(i) AS datepart('year', i) * 12 + datepart('month', i);
CREATE MACRO athena_interval_day(i) AS athena_microseconds(i) // 86400000000;
CREATE MACRO athena_interval_hour(i) AS athena_microseconds(i) % 86400000000 // 3600000000;
CREATE MACRO athena_interval_minute(i) AS athena_microseconds(i) % 3600000000 // 60000000;
CREATE MACRO athena_interval_second(i) AS athena_microseconds(i) % 60000000 // 1000000;
CREATE MACRO athena_interval_millisecond(i) AS athena_microseconds(i) % 1000000 // 1000;

CREATE MACRO athena_month_series(first, last, months) AS
  list_transform(range(0, date_sub('month', first, last) // months + 1), lambda i: first + to_months(CAST(i * months AS INTEGER)));

-- A timestamp's text; a zone behind it is left out, as Trino does.
CREATE MACRO athena_unzoned(given) AS
  CASE WHEN regexp_full_match(given, '\s*[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}([.][0-9]{1,12})?)?( ?([A-Z][A-Za-z_]*(/[A-Za-z_]+)*|[+-][0-9]{2}:?[0-9]{2}))?)?\s*')
    THEN regexp_extract(given, '[0-9-]+( [0-9:.]+)?') ELSE chr(1) || given END;

CREATE MACRO athena_zoned(given) AS
  CASE WHEN given IS NULL THEN NULL ELSE CAST(CASE
    WHEN regexp_full_match(given, '\s*[0-9-]+( [0-9:.]+)?\s*') THEN rtrim(given) || '+00'
    WHEN regexp_full_match(given, '\s*[0-9-]+ [0-9:.]+ ?(UTC|Z|[+-]00:?00)\s*') THEN regexp_replace(given, ' ?(UTC|Z|[+-]00:?00)\s*$', '+00')
    ELSE chr(1) || given END AS TIMESTAMPTZ) END;

CREATE MACRO athena_iso8601(given) AS
  CAST(CASE
    WHEN regexp_full_match(given, '[0-9]{4}-[0-9]{2}-[0-9]{2}') THEN given || ' 00:00:00+00'
    WHEN regexp_full_match(given, '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?')
      THEN replace(replace(given, 'T', ' '), ',', '.') || CASE WHEN length(given) = 16 THEN ':00' ELSE '' END || '+00'
    WHEN regexp_full_match(given, '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)')
      THEN replace(replace(replace(given, 'T', ' '), 'Z', '+00'), ',', '.')
    ELSE chr(1) || given END AS TIMESTAMPTZ);

-- A moment keeps no zone here: a text from a column with another offset would be shown wrongly, so it is refused.
CREATE MACRO athena_utc_only(given, moment) AS
  CASE WHEN regexp_matches(given, '[0-9]\s*[+-][0-9]{2}:?([0-9]{2})?$') AND NOT regexp_matches(given, '[+-]00:?(00)?$')
      AND contains(given, ':')
    THEN to_timestamp(athena_failure('NOT_SUPPORTED: A zone other than UTC is not supported in this place on this machine: ' || given))
    ELSE moment END;

-- ---- arrays and maps ----

CREATE MACRO athena_array_concat(one, other) AS
  CASE WHEN one IS NOT NULL AND other IS NOT NULL THEN list_concat(one, other) END;

CREATE MACRO athena_array_join(items, separator) AS
  CASE WHEN items IS NOT NULL THEN coalesce(array_to_string(list_filter(items, lambda e: e IS NOT NULL), separator), '') END;

CREATE MACRO athena_none(answers) AS NOT coalesce(list_bool_or(answers), false);

CREATE MACRO athena_holds(items, item) AS
  len(list_filter(items, lambda o: o IS NOT DISTINCT FROM item)) > 0;

CREATE MACRO athena_contains(items, item) AS
  CASE WHEN items IS NULL OR item IS NULL THEN NULL
    WHEN list_contains(items, item) THEN true
    WHEN len(list_filter(items, lambda e: e IS NULL)) > 0 THEN NULL
    ELSE false END;

CREATE MACRO athena_array_distinct(items) AS
  list_filter(items, lambda e, i: len(list_filter(items[1:i - 1], lambda o: o IS NOT DISTINCT FROM e)) = 0);

CREATE MACRO athena_array_both(one, other) AS
  athena_array_distinct(list_filter(one, lambda e: athena_holds(other, e)));

CREATE MACRO athena_array_without(one, other) AS
  athena_array_distinct(list_filter(one, lambda e: NOT athena_holds(other, e)));

CREATE MACRO athena_element_at(items, number) AS
  items[CASE WHEN number = 0 THEN athena_failure('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1') ELSE number END];

CREATE MACRO athena_subscript(items, number) AS
  items[CASE
    WHEN number = 0 THEN athena_failure('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1')
    WHEN number < 0 THEN athena_failure('INVALID_FUNCTION_ARGUMENT: Array subscript is negative: ' || CAST(number AS VARCHAR))
    WHEN number > len(items) THEN athena_failure('INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: '
      || CAST(number AS VARCHAR) || ' > ' || CAST(len(items) AS VARCHAR))
    ELSE number END];

CREATE MACRO athena_entries(entries) AS
  list_transform(map_entries(entries), lambda e: {'field0': e.key, 'field1': e.value});

CREATE MACRO athena_map_subscript(entries, wanted) AS
  list_extract(map_values(entries), CASE
    WHEN entries IS NULL OR wanted IS NULL THEN NULL
    WHEN NOT map_contains(entries, wanted)
      THEN athena_failure('INVALID_FUNCTION_ARGUMENT: Key not present in map: ' || CAST(wanted AS VARCHAR))
    ELSE list_position(map_keys(entries), wanted) END);

CREATE MACRO athena_slice(items, start, count) AS
  CASE WHEN start > 0 THEN items[start:start + count - 1]
    WHEN -start > len(items) THEN items[1:0]
    ELSE items[len(items) + start + 1:len(items) + start + count] END;

CREATE MACRO athena_map_of(entries) AS
  map_from_entries(list_filter(entries, lambda e, i:
    e.key IS NOT NULL AND len(list_filter(entries[1:i - 1], lambda o: o.key = e.key)) = 0));

CREATE MACRO athena_multimap_of(entries) AS
  map_from_entries(list_transform(
    list_filter(entries, lambda e, i: e.key IS NOT NULL AND len(list_filter(entries[1:i - 1], lambda o: o.key = e.key)) = 0),
    lambda e: {'key': e.key, 'value': list_transform(list_filter(entries, lambda o: o.key = e.key), lambda o: o.value)}));

CREATE MACRO athena_histogram(items) AS
  map_from_entries(list_transform(
    list_filter(list_distinct(items), lambda e: e IS NOT NULL),
    lambda e: {'key': e, 'value': len(list_filter(items, lambda o: o = e))}));

-- ---- JSON ----

CREATE MACRO athena_json(given) AS CASE WHEN json_valid(given) THEN CAST(given AS JSON) END;

CREATE MACRO athena_json_scalar(found) AS
  CASE json_type(found)
    WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' THEN NULL WHEN 'NULL' THEN NULL
    WHEN 'VARCHAR' THEN json_extract_string(found, '$')
    ELSE CAST(found AS VARCHAR) END;

CREATE MACRO athena_json_contains(given, item) AS
  CASE WHEN json_type(athena_json(given)) = 'ARRAY' THEN list_contains(CAST(athena_json(given) AS JSON[]), to_json(item)) END;

CREATE MACRO athena_json_length(given) AS
  CASE WHEN json_type(athena_json(given)) = 'ARRAY' THEN CAST(json_array_length(athena_json(given)) AS BIGINT) END;

CREATE MACRO athena_json_size(found) AS
  CASE json_type(found) WHEN 'OBJECT' THEN len(json_keys(found)) WHEN 'ARRAY' THEN CAST(json_array_length(found) AS BIGINT)
    ELSE CASE WHEN found IS NOT NULL THEN 0 END END;
