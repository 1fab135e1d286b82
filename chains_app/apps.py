from django.apps import AppConfig


class ChainsConfig(AppConfig):
    name = "chains_app"
    verbose_name = "Chains"
