"""The yardsticks' server: the hall's own settings, but nothing stands before the view."""

from django import setup
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

setup(set_prefix=False)  # with all middleware: rooms check that theirs is there
settings.MIDDLEWARE = []
application = WSGIHandler()
