from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "acteon_site"
    verbose_name = "Access"
