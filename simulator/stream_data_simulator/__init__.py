"""Simulates the shop's clicks: rows of the data set into a Kinesis stream.

`stream_data_simulator` is the whole of it; `simulator/stream-data-app-simulation.py` is its command. Needs nothing but
boto3 (and aws-kinesis-agg where records are aggregated). The endpoint is AWS's, or that of AWS_ENDPOINT_URL.
"""

from .errors import SimulatorError
from .options import Options
from .simulation import EndedEarlyError, stream_data_simulator
from .summary import Summary

__all__ = ["EndedEarlyError", "Options", "SimulatorError", "Summary", "stream_data_simulator"]
