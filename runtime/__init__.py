"""Starts and supervises the embedded services and the hall's own processes.

Standard library only, no Django and no domain: a bare Python 3.11 must be able to import every module here,
because this package also builds the virtual environment that everything else needs.
"""
