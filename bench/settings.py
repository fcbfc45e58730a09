"""The environment becomes how much is measured, and where things are."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "out"


@dataclass(frozen=True)
class Settings:
    """How much is measured.

    Attributes:
        records: Of each of our streams.
        peer_records: Of slow peers' streams; rates are compared, and a peer that gets faster with size has `records`.
        rounds: How often each takes its turn; the median counts.
        growth: How many times `records` the long run has.
        has_peers: Whether others' programs take part.
    """

    records: int = 300_000
    peer_records: int = 100_000
    rounds: int = 3
    growth: int = 10
    has_peers: bool = True


def read_settings() -> Settings:
    """Read BENCH_RECORDS, BENCH_PEER_RECORDS, BENCH_ROUNDS, BENCH_GROWTH, and BENCH_PEERS=0 to leave others out."""
    usual = Settings()
    number = {name: int(os.environ.get(f"BENCH_{name.upper()}", getattr(usual, name))) for name in _NUMBERS}
    return Settings(**number, has_peers=os.environ.get("BENCH_PEERS", "1") != "0")


def clear_left_overs() -> None:
    """Remove what a run that was broken off has left."""
    OUT.mkdir(exist_ok=True)
    for folder in OUT.glob("tmp*/"):
        shutil.rmtree(folder)


_NUMBERS = ("records", "peer_records", "rounds", "growth")
