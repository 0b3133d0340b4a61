"""Channels, a file each."""
