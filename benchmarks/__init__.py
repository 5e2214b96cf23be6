"""What the library costs, compared with what its users would write by hand: `python -m benchmarks` runs everything."""
