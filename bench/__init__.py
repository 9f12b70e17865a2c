"""The benchmark: what a nearby search costs, as a share of a bare Flask view (`python -m bench`)."""
