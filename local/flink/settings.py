"""The cluster's settings: everything on 127.0.0.1, and small enough for a laptop."""

from __future__ import annotations

import shutil

from local.config import HOST
from local.flink.runtime import Runtime

SLOTS = 8
_JOB_MANAGER_HEAP = "448m"
_TASK_MANAGER: dict[str, str | int] = {
    "taskmanager.memory.framework.heap.size": "128m",
    "taskmanager.memory.task.heap.size": "640m",
    "taskmanager.memory.framework.off-heap.size": "128m",
    "taskmanager.memory.task.off-heap.size": "0m",
    "taskmanager.memory.network.min": "96m",
    "taskmanager.memory.network.max": "96m",
    # A slot's share is halved between the windows' buffers and RocksDB, which needs 40 MB not to flush on and on.
    "taskmanager.memory.managed.size": "640m",
    "taskmanager.memory.jvm-metaspace.size": "256m",
    "taskmanager.memory.jvm-overhead.min": "192m",
    "taskmanager.memory.jvm-overhead.max": "192m",
    "taskmanager.cpu.cores": SLOTS,
}
# Heap: both heaps of above; direct memory: the off-heap ones and the network's. All of it together is 2 GB at most.
_TASK_MANAGER_JAVA = ["-Xmx768m", "-XX:MaxDirectMemorySize=224m", "-XX:MaxMetaspaceSize=256m"]
# Programs that live shortly, or do little, start sooner with the simple compiler.
_LITTLE_COMPILED = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def job_manager(runtime: Runtime) -> list[str]:
    main = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
    options = [*_LITTLE_COMPILED, f"-Xmx{_JOB_MANAGER_HEAP}", "-XX:MaxMetaspaceSize=256m"]
    return runtime.command(main, "log4j.properties", options, ["--configDir", str(runtime.settings)])


def task_manager(runtime: Runtime) -> list[str]:
    main = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
    return runtime.command(main, "log4j.properties", _TASK_MANAGER_JAVA, ["--configDir", str(runtime.settings)])


def client(runtime: Runtime, arguments: list[str]) -> list[str]:
    """Flink's command line."""
    main = "org.apache.flink.client.cli.CliFrontend"
    return runtime.command(main, "log4j-client.properties", [*_LITTLE_COMPILED, "-Xmx512m"], arguments)


def write(runtime: Runtime, web_port: int, rpc_port: int) -> None:
    """Writes the cluster's settings, and makes the folders that they name."""
    shutil.rmtree(runtime.folder / "tmp", ignore_errors=True)
    for name in ("conf", "checkpoints", "snapshots", "tmp"):
        (runtime.folder / name).mkdir(parents=True, exist_ok=True)
    values = _values(runtime, web_port, rpc_port)
    (runtime.settings / "config.yaml").write_text("".join(f"{key}: {value}\n" for key, value in values.items()))


def _values(runtime: Runtime, web_port: int, rpc_port: int) -> dict[str, str | int]:
    return {
        "jobmanager.rpc.address": HOST,
        "jobmanager.rpc.port": rpc_port,
        "jobmanager.bind-host": HOST,
        "taskmanager.host": HOST,
        "taskmanager.bind-host": HOST,
        "taskmanager.numberOfTaskSlots": SLOTS,
        **_TASK_MANAGER,
        "rest.address": HOST,
        "rest.bind-address": HOST,
        "rest.port": web_port,
        "rest.bind-port": web_port,
        # The program that hands over a job waits for a cluster that is just starting.
        "rest.retry.delay": "300 ms",
        "rest.retry.max-attempts": 200,
        # As on AWS, where the dashboard only shows.
        "web.submit.enable": "false",
        "web.cancel.enable": "false",
        "io.tmp.dirs": str(runtime.folder / "tmp"),
        # As on AWS: state may outgrow the memory, which stays the same however many users and windows there are.
        "state.backend.type": "rocksdb",
        # A dead task manager is noticed within seconds, a slow one is given time.
        "heartbeat.interval": "2 s",
        "heartbeat.timeout": "30 s",
        "metrics.fetcher.update-interval": "1 s",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "1 s",
        "restart-strategy.exponential-delay.max-backoff": "10 s",
    }
