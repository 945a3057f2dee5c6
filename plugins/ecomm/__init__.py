"""The platform's Airflow code: settings, operators, and the functions that the DAGs' tasks run."""
