from django.urls import path

from acteon_site.config_files.api import RuleReload

# Stands before rules_app's own paths, whose rule names may hold slashes.
urlpatterns = [path("v1/rules/reload", RuleReload.as_view())]
