"""How dates and times are written: settings.FORMAT_MODULE_PATH."""
