"""What the library costs, measured beside what its users would write by hand: `python -m benchmarks` runs it all."""
