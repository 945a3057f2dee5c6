"""Whether an account's Lake Formation leaves new databases and tables to IAM, as our policies expect."""

from __future__ import annotations

from typing import Any

# Whom Lake Formation lets in wherever IAM does.
EVERYBODY_IAM_ALLOWS = "IAM_ALLOWED_PRINCIPALS"


def leaves_it_to_iam(client: Any) -> bool:
    """False where an administrator took that default away: what is made then needs grants in Lake Formation too."""
    settings = client.get_data_lake_settings()["DataLakeSettings"]
    return all(
        any(
            entry["Principal"]["DataLakePrincipalIdentifier"] == EVERYBODY_IAM_ALLOWS and "ALL" in entry["Permissions"]
            for entry in settings.get(f"Create{kind}DefaultPermissions", [])
        )
        for kind in ("Database", "Table")
    )
