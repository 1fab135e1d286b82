"""The embedded system: web server, worker and scheduler of one machine in one foreground process."""
