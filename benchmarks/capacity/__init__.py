"""What polling costs and how late it reports, calculated and simulated: `python -m benchmarks.capacity`."""
