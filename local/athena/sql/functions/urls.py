"""The parts of URLs."""

from __future__ import annotations

from local.athena.sql.signatures import Builder

_PARTS = r"^(?:([^:/?#]+):)?(?://(?:[^/?#@]*@)?([^/?#:]*)(?::([0-9]*))?)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$"

DECLARED = {
    "url_extract_protocol(varchar) -> varchar": f"nullif(regexp_extract({{0}}, '{_PARTS}', 1), '')",
    "url_extract_host(varchar) -> varchar": f"nullif(regexp_extract({{0}}, '{_PARTS}', 2), '')",
    "url_extract_port(varchar) -> bigint": f"TRY_CAST(nullif(regexp_extract({{0}}, '{_PARTS}', 3), '') AS BIGINT)",
    "url_extract_path(varchar) -> varchar": f"url_decode(regexp_extract({{0}}, '{_PARTS}', 4))",
    "url_extract_query(varchar) -> varchar": f"regexp_extract({{0}}, '{_PARTS}', 5)",
    "url_extract_fragment(varchar) -> varchar": f"regexp_extract({{0}}, '{_PARTS}', 6)",
    "url_extract_parameter(varchar, varchar) -> varchar": (
        f"athena_url_parameter(regexp_extract({{0}}, '{_PARTS}', 5), {{1}})"
    ),
    "url_encode(varchar) -> varchar": "replace(url_encode({0}), '%20', '+')",
    "url_decode(varchar) -> varchar": "url_decode(replace({0}, '+', '%20'))",
}
BUILT: dict[str, Builder] = {}
