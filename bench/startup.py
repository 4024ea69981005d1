"""What importing costs, as a ratio to `python -c pass`: processor time, interleaved, medians. See docs/adr/0029.

    .venv/bin/python bench/startup.py [--rounds 25] [--python PYTHON]

PYTHON may be another environment's, to measure what warden does not use; what is not installed there is left out.
"""

import argparse
import resource
import statistics
import subprocess
import sys

IMPORTS = {
    "`python -c pass`": "pass",
    "socket, json": "import socket, json",
    "sqlite3": "import sqlite3",
    "pathlib": "import pathlib",
    "dataclasses": "import dataclasses",
    "subprocess": "import subprocess",
    "logging": "import logging",
    "asyncio": "import asyncio",
    "ssl": "import ssl",
    "http.client": "import http.client",
    "argparse": "import argparse",
    "click": "import click",
    "typer": "import typer",
    "msgspec": "import msgspec",
    "pydantic": "from pydantic import BaseModel",
    "click, msgspec": "import click, msgspec",
    "PyYAML": "import yaml",
    "ruamel.yaml": "import ruamel.yaml",
    "h11": "import h11",
    "httptools": "import httptools",
    "filelock": "from filelock import FileLock",
    "platformdirs": "import platformdirs",
    "psutil": "import psutil",
    "urllib3": "import urllib3",
    "requests": "import requests",
    "httpx": "import httpx",
    "aiohttp": "import aiohttp",
    "hvac": "import hvac",
    "cedarpy": "import cedarpy",
    "cryptography (EC keys)": "from cryptography.hazmat.primitives.asymmetric import ec",
    "PyJWT": "import jwt",
    "PyStemmer": "import Stemmer",
    "rich": "import rich.console, rich.table",
    "starlette": "import starlette.applications, starlette.routing",
    "fastapi": "import fastapi",
}


def processor_seconds(argv: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=25)
    options.add_argument("--python", default=sys.executable)
    chosen = options.parse_args()
    commands = {name: [chosen.python, "-c", text] for name, text in IMPORTS.items()}
    there = {
        name for name, argv in commands.items() if not subprocess.run(argv, capture_output=True, check=False).returncode
    }
    taken: dict[str, list[float]] = {name: [] for name in commands if name in there}
    for _ in range(chosen.rounds):
        for name, each in taken.items():
            each.append(processor_seconds(commands[name]))
    base = statistics.median(taken["`python -c pass`"])
    print("| import | ratio |\n|---|---|")
    for name, each in taken.items():
        print(f"| {name} | {statistics.median(each) / base:.1f} |")


if __name__ == "__main__":
    main()
