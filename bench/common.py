"""What the benchmarks share: the oracles' Python environment, and results kept by kind of CPU."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
VENV = os.path.join(HERE, ".venv")


def oracle(packages):
    """The Python of bench/.venv with these packages (module name: package), installed on first use; None if that cannot be."""
    python = os.path.join(VENV, "bin", "python")

    def lacks(module):
        return not os.path.exists(python) or subprocess.run(
            [python, "-c", f"import importlib.util, sys; sys.exit(not importlib.util.find_spec('{module}'))"]).returncode

    missing = [package for module, package in packages.items() if lacks(module)]
    if not missing:
        return python
    print(f"installing {' '.join(missing)} into bench/.venv", file=sys.stderr)
    try:
        if not os.path.exists(python):
            subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *missing], check=True)
    except (subprocess.CalledProcessError, OSError):
        print(f"{' '.join(missing)} cannot be installed here (python3-venv and PyPI are needed): quantc is timed alone", file=sys.stderr)
        return None
    return python


def cpu_name():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith(("model name", "Model")))
    except (OSError, StopIteration):
        return os.uname().machine


def keep(cpu, rows):
    """Adds the rows to bench/results/<cpu>.json; returns what stood there before."""
    path = os.path.join(HERE, "results", cpu + ".json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    before = {}
    if os.path.exists(path):
        with open(path) as f:
            before = json.load(f)
    with open(path, "w") as f:
        json.dump({**before, **rows}, f, indent=1, sort_keys=True)
    return before
