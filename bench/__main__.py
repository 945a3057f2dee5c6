"""Runs the benchmarks: `python -m bench`, or some of them by name; `--long` adds those that take minutes."""

from __future__ import annotations

import argparse
import sys

from bench import cost, flink, function, generator, latency, memory, simulator

BENCHMARKS = {
    "generator": generator.run,
    "simulator": simulator.run,
    "flink": flink.run,
    "function": function.run,
    "cost": cost.run,
}
LONG = {"latency": latency.run, "memory": memory.run}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join([*BENCHMARKS, *LONG])} (default: all)")
    parser.add_argument("--long", action="store_true", help="the long ones too")
    arguments = parser.parse_args()
    known = BENCHMARKS | LONG
    for name in arguments.names:
        if name not in known:
            parser.error(f"{name!r} is no benchmark; choose of {', '.join(known)}.")
    names = arguments.names or [*BENCHMARKS, *(LONG if arguments.long else [])]
    passed = []
    for name in names:
        passed.append(known[name]())
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
