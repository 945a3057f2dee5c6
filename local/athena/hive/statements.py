"""The statements of Athena that have Hive's grammar: everything about the catalogue that holds no query."""

from __future__ import annotations

from dataclasses import dataclass

from local.athena.types import Type

Name = tuple[str | None, str]
Values = dict[str, str | None]


@dataclass(frozen=True)
class Statement:
    """A statement on the catalogue; kind and substatement are those of GetQueryExecution."""

    kind = "DDL"
    substatement = ""


@dataclass(frozen=True)
class CreateDatabase(Statement):
    substatement = "CREATE_DATABASE"
    name: str
    if_not_exists: bool
    comment: str
    location: str
    properties: dict[str, str]


@dataclass(frozen=True)
class DropDatabase(Statement):
    substatement = "DROP_DATABASE"
    name: str
    if_exists: bool
    cascade: bool


@dataclass(frozen=True)
class ColumnDefinition:
    name: str
    type: Type
    comment: str = ""


@dataclass(frozen=True)
class CreateTable(Statement):
    """fields: the delimiters of ROW FORMAT DELIMITED, by the SerDe's own names."""

    substatement = "CREATE_TABLE"
    name: Name
    if_not_exists: bool
    columns: tuple[ColumnDefinition, ...]
    keys: tuple[ColumnDefinition, ...]
    comment: str
    serde: str
    serde_properties: dict[str, str]
    stored_as: str
    input_format: str
    output_format: str
    location: str
    properties: dict[str, str]


@dataclass(frozen=True)
class DropTable(Statement):
    name: Name
    if_exists: bool
    view: bool

    @property
    def substatement(self) -> str:  # type: ignore[override]
        return "DROP_VIEW" if self.view else "DROP_TABLE"


@dataclass(frozen=True)
class AddPartitions(Statement):
    substatement = "ALTER_TABLE_ADD_PARTITION"
    name: Name
    if_not_exists: bool
    partitions: tuple[tuple[Values, str], ...]


@dataclass(frozen=True)
class DropPartitions(Statement):
    """partitions: one list of (key, operator, value) a PARTITION clause."""

    substatement = "ALTER_TABLE_DROP_PARTITION"
    name: Name
    if_exists: bool
    partitions: tuple[tuple[tuple[str, str, str | None], ...], ...]


@dataclass(frozen=True)
class SetLocation(Statement):
    substatement = "ALTER_TABLE_SET_LOCATION"
    name: Name
    partition: Values | None
    location: str


@dataclass(frozen=True)
class RenamePartition(Statement):
    substatement = "ALTER_TABLE_RENAME_PARTITION"
    name: Name
    partition: Values
    to: Values


@dataclass(frozen=True)
class AddColumns(Statement):
    name: Name
    columns: tuple[ColumnDefinition, ...]
    replace: bool

    @property
    def substatement(self) -> str:  # type: ignore[override]
        return "ALTER_TABLE_REPLACE_COLUMNS" if self.replace else "ALTER_TABLE_ADD_COLUMNS"


@dataclass(frozen=True)
class SetProperties(Statement):
    substatement = "ALTER_TABLE_SET_TBLPROPERTIES"
    name: Name
    properties: dict[str, str]


@dataclass(frozen=True)
class RepairTable(Statement):
    substatement = "MSCK_REPAIR_TABLE"
    name: Name


@dataclass(frozen=True)
class Show(Statement):
    """what: databases, tables, views, partitions, columns, create table, create view or tblproperties."""

    kind = "UTILITY"
    what: str
    name: Name = (None, "")
    database: str | None = None
    pattern: str | None = None

    @property
    def substatement(self) -> str:  # type: ignore[override]
        return "SHOW_" + self.what.upper().replace(" ", "_")


@dataclass(frozen=True)
class Describe(Statement):
    kind = "UTILITY"
    substatement = "DESCRIBE_TABLE"
    name: Name
    extended: bool
