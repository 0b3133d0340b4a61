"""Benchmarks: generated bills, honest peers, and the ratios between them and Kifayat."""
