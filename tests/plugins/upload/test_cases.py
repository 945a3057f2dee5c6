"""The upload's column of the table of cases and readers."""

from __future__ import annotations

from pathlib import Path

import pytest
from ecomm.errors import DataError
from ecomm.upload.months import upload_months
from ecomm.upload.sources import open_sources

from tests.cases.files import CASES, Case, Refused
from tests.plugins.upload.conftest import Bucket

MONTH = "2019-11"


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_upload_takes_the_file_or_says_why_not(bucket: Bucket, tmp_path: Path, case: Case) -> None:
    path = tmp_path / case.file
    path.write_bytes(case.content(MONTH))

    def upload() -> dict[str, int]:
        sizes = upload_months(bucket.name, open_sources("files", [str(path)], 1, 1), replace=False)
        return {month: size.rows for month, size in sizes.items()}

    if isinstance(case.upload, Refused):
        with pytest.raises(DataError, match=case.upload.words):
            upload()
        assert bucket.listing() == []
    else:
        assert upload() == {MONTH: case.upload}
