"""Jinja2 templates and static assets of the HTML report; no arithmetic lives here."""
