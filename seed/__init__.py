"""The reference data that every registry starts with, and the demo; see README.md for sources."""
