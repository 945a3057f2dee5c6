"""Under whose name the engines call: the access key of a process is the name of the role that its work runs under.

The platform takes any key, so one that says the role costs nothing, and the record of calls says who made each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Of whoever the platform knows no role of: a person, a test, the platform itself.
ANYBODY = "local"
# Of Airflow's tasks, which on AWS have the role of the environment.
AIRFLOW = "airflow"
# Of all Flink applications: they share one cluster, and so its credentials.
FLINK = "flink"


def of_role(described: Mapping[str, Any]) -> str:
    """The access key for what runs under the role that a job or a function names; `local` where it names none."""
    return str(described.get("Role") or ANYBODY).rpartition("/")[2]
