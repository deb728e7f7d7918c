"""Structured logs without personal data."""

import logging


class JsonFormatter(logging.Formatter):
    pass


class PersonalDataFilter(logging.Filter):
    pass
