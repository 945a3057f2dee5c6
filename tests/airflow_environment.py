"""Airflow as the tests see it: a home of its own, this repository's DAGs and plugins. Imported before airflow is."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

HOME = Path(tempfile.mkdtemp(prefix="ecomm-airflow-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
# In the file and not in variables, which would reach an Airflow that another test starts.
(HOME / "airflow.cfg").write_text(
    f"""
[core]
load_examples = False
dags_folder = {ROOT / "dags"}
plugins_folder = {ROOT / "plugins"}
[database]
sql_alchemy_conn = sqlite:///{HOME / "airflow.db"}
"""
)

os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW_CONN_AWS_DEFAULT="aws://",
    # boto3 finds no profile of the user's, and asks no metadata service for credentials.
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_EC2_METADATA_DISABLED="true",
    # What tests/privileges looks at, of platforms that are started from here.
    LOCAL_RECORD_CALLS="1",
)
