"""The tables that Athena computes from the fact, and what each is computed from."""

from __future__ import annotations

from dataclasses import dataclass

FACT = "ecomm_user_activity"
QUARANTINE = "ecomm_user_activity_quarantine"
# In include/sql, for the fact that Spark makes.
FACT_CHECKS = "ecomm_user_activity_check.sql"


@dataclass(frozen=True)
class Derived:
    """One table. file: its SELECT in include/sql, with the check beside it. sources: the tables that it reads."""

    name: str
    file: str
    sources: tuple[str, ...]


AGGREGATES = (
    Derived("agg_activity", "aggregates/activity.sql", (FACT,)),
    Derived("suspicious_users", "aggregates/suspicious_users.sql", ("agg_activity",)),
    Derived("agg_sessions", "aggregates/sessions.sql", ("agg_activity", "suspicious_users")),
)
MARTS = (
    Derived("kpi_daily_visitors", "marts/kpi_daily_visitors.sql", ("agg_activity", "agg_sessions", "suspicious_users")),
    Derived("kpi_cart_abandonment", "marts/kpi_cart_abandonment.sql", ("agg_sessions",)),
    Derived("kpi_popular_categories", "marts/kpi_popular_categories.sql", ("agg_activity", "suspicious_users")),
    Derived("kpi_hourly_activity", "marts/kpi_hourly_activity.sql", ("agg_activity", "suspicious_users")),
    Derived("kpi_data_quality", "marts/kpi_data_quality.sql", ("agg_activity", "suspicious_users", QUARANTINE)),
)
