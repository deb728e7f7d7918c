"""System checks of this room (`manage.py check`)."""
