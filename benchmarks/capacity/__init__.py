"""What polling costs and how late it tells, on paper and by simulation: `python -m benchmarks.capacity`."""
