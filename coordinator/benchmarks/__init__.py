"""Benchmarks, one a module, run by `coordinator bench`."""
