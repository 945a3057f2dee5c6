"""DataBrew's datasets, profile jobs and their runs: DuckDB computes the statistics over the whole of a dataset."""

from local.databrew.engine import ProfileEngine
from local.databrew.service import DataBrewService, Scope

__all__ = ["DataBrewService", "ProfileEngine", "Scope"]
