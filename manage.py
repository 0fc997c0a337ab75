#!/usr/bin/env python3
"""Runs Frontispiece's commands: `./manage.py help` lists them."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit(
            "Django is not installed here: run script/test or script/demo once, "
            "then use .venv/bin/python manage.py"
        )
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Frontispiece cannot start: {error}")


if __name__ == "__main__":
    main()
