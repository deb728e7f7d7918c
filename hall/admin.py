"""Wires the staff side: our first page, and no pages for what the packages bring along."""

from allauth.account.models import EmailAddress, EmailConfirmation
from django.contrib import admin
from knox.models import AuthToken

admin.site.index_template = "backoffice/dashboard.html"
for model in (EmailAddress, EmailConfirmation, AuthToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
