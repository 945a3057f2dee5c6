"""The nodes of sqlglot's tree, one function a kind: it compiles the node for DuckDB, or says why it cannot."""
