from django.apps import AppConfig


class RulesConfig(AppConfig):
    name = "rules_app"
    verbose_name = "Rules"
