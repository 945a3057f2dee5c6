# ruff: noqa: N999 - the file's name is the user's
"""Simulates the shop's clicks: sends the rows of the data set to a Kinesis stream. `--help` says how."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from stream_data_simulator.command import main

sys.exit(main())
