"""What `manage.py doctor` looks at: the site's own checkups here, those of the apps in their `checkups.py`."""
