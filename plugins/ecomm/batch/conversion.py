"""The conversion of a run's months, which never writes where readers are."""

from __future__ import annotations

from airflow.sdk import Context

from ecomm import catalog
from ecomm.batch import refusals
from ecomm.errors import DataError
from ecomm.operators.glue_job import GlueJobRunOperator
from ecomm.settings import settings
from ecomm.tables import FACT


class ConvertOperator(GlueJobRunOperator):
    """Runs the conversion with the arguments of ecomm.batch.months.job_arguments, as GlueJobRunOperator does.

    Raises DataError if its version is served, or was just before: so it is when the task of a run that has published is
    cleared, and Spark would delete the files under the readers' hands.
    """

    def start(self, context: Context) -> str:
        folder = self.arguments["--CURATED"]
        served = catalog.list_partitions(settings().curated_database, FACT)
        if any(location.startswith(folder) for location in catalog.kept_locations(*served)):
            raise DataError(
                f"{folder} is published already, and is not written again. To convert its months once more, "
                f"{refusals.convert_again(self.arguments['--MONTHS'].split(','))}."
            )
        return super().start(context)
