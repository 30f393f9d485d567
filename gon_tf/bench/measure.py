"""Times, peak memory, the machine."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

PACKAGES = ("gon-tf", "tensorflow", "keras", "torch", "jax")


def mean_time(function: Callable, least: float) -> float:
    """Mean seconds of as many calls as take `least` seconds, at least one."""
    start, calls = time.perf_counter(), 0
    while True:
        function()
        calls += 1
        elapsed = time.perf_counter() - start
        if elapsed >= least:
            return elapsed / calls


def peak_growth(function: Callable, calls: int) -> float | None:
    """MiB that this process takes at the most, over what it has, in some calls; None unless Linux.

    The first of them builds the graph.
    """
    if not Path("/proc/self/clear_refs").exists():
        return None
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = resident("VmRSS")
    for _ in range(calls):
        function()
    return (resident("VmHWM") - before) / 1024


def resident(field: str) -> int:
    """Memory of this process in KiB, now ("VmRSS") or at its peak ("VmHWM")."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def facts() -> dict:
    """The processor, its load, and the versions that the figures belong to."""
    models = []
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            models = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "versions": {"python": platform.python_version()} | versions(),
    }


def versions() -> dict[str, str]:
    """Versions of the packages that matter to a figure, of those that are installed."""
    installed = {}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            installed[package] = metadata.version(package)
    return installed


def machine(given: dict | None = None) -> str:
    """`facts` in a sentence."""
    given = given or facts()
    names = ", ".join(f"{name} {version}" for name, version in given["versions"].items())
    return f"{given['cores']} cores of {given['processor']}, load {given['load']} before; {names}"
