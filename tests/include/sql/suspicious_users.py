"""What suspicious_users must hold, and for each of its checks a fault that the check must find."""

from __future__ import annotations

from tests.include.sql.faults import TWICE, Faults
from tests.reference_model import Model, Table

FAULTS: Faults = {
    "one row a user": TWICE,
    "every user breaks the rule that is named": ("hours_in_busiest_day", "bigint '21'"),
    "whoever breaks a rule is listed, and nobody else": "select * from {table} where reason <> 'hours_per_day'",
}


def expected(model: Model) -> Table:
    return [{"user_id": user, "reason": reason} for user, reason in model.suspicious.items()]
