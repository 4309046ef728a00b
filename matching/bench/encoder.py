"""Texts per second of the encoder, in float32 and in the arithmetic chosen for this machine."""

import time
from pathlib import Path

from matching.encoder import load_encoder
from matching.fingerprint import precision

ENCODED = 240  # texts for the encoder's figure


def encoder_rates(home: Path) -> dict[str, object]:
    """Texts per second, and per second of CPU time, by arithmetic; 'chosen' names that of this machine."""
    sample = [f"We look for partner {i} who builds {'light and quiet ' * (i % 5)}machines." for i in range(ENCODED)]
    rates: dict[str, object] = {"chosen": precision()}
    for arithmetic in dict.fromkeys(("fp32", precision())):
        encoder = load_encoder("bundled", home, arithmetic)
        encoder.encode(sample[:16])  # the first call sets up kernels
        wall, cpu = time.perf_counter(), time.process_time()
        encoder.encode(sample)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        rates[arithmetic] = {
            "texts_per_second": round(ENCODED / wall, 1),
            "texts_per_cpu_second": round(ENCODED / cpu, 1),
        }
    return rates
