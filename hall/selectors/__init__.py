"""Reads over several rooms, for the front door."""
