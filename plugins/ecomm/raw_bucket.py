"""Lists what the raw bucket really holds: the months' CSV files, without the objects that are no files of data."""

from __future__ import annotations

from typing import NamedTuple

from ecomm.aws import list_objects
from ecomm.contract import is_month, month_of_partition
from ecomm.upload.layout import UNCOMPRESSED, is_archived_day
from ecomm.upload.taken_out import months_out


class RawObject(NamedTuple):
    """One CSV file of a month, as S3 lists it; `size` in bytes."""

    key: str
    size: int
    etag: str


def is_data(key: str, size: int) -> bool:
    """Whether an object holds rows: consoles, Hadoop, Spark and macOS leave others beside the files.

    These are empty objects, folders (`p_month=12/`, `p_month=12_$folder$`), and names that begin with a dot or an
    underscore at any depth (`.DS_Store`, `_SUCCESS`, `__MACOSX/…`), which Spark and Athena skip too.
    """
    hidden = any(part.startswith((".", "_")) for part in key.split("/"))
    return size > 0 and not hidden and not key.endswith(("/", "_$folder$"))


def files_by_month(bucket: str) -> dict[str, list[RawObject]]:
    """The CSV files of each month (2019-11) below `ecomm_user_activity_uncompressed/`, by key.

    A month that was taken out is none, whatever days the stream's archive has brought of it.
    """
    months: dict[str, list[RawObject]] = {}
    for listed in list_objects(bucket, UNCOMPRESSED):
        month = month_of_partition(listed["Key"])
        if month and is_month(month) and is_data(listed["Key"], listed["Size"]):
            months.setdefault(month, []).append(RawObject(listed["Key"], listed["Size"], listed["ETag"]))
    uploaded = {
        month: {file.key: file.etag for file in files if not is_archived_day(file.key)}
        for month, files in months.items()
    }
    out = months_out(bucket, uploaded)
    return {month: files for month, files in months.items() if month not in out}
