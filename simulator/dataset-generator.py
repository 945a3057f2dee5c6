# ruff: noqa: N999 - named as its neighbour is
"""Writes a made-up data set. `--help` says how."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from dataset_generator.command import main

sys.exit(main())
