"""Gives the settings out as JSON."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from prompts.models import ImageSetting
from prompts.services import export_settings


class Command(BaseCommand):
    """Exit code 2: a named setting does not exist, or the file cannot be written."""

    help = "Give settings out as JSON that import_settings takes in again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slugs", nargs="*", metavar="SLUG", help="all without any")
        parser.add_argument("--output", metavar="FILE", help="standard output without it")

    def handle(self, *args: Any, **options: Any) -> None:
        settings = ImageSetting.objects.order_by("slug")
        if wanted := set(options["slugs"]):
            settings = settings.filter(slug__in=wanted)
            if missing := wanted - {setting.slug for setting in settings}:
                names = ", ".join(sorted(missing))
                raise CommandError(f"There is no setting {names}.", returncode=2)
        data = {"settings": export_settings(settings)}
        text = json.dumps(data, ensure_ascii=False, indent=2) + "\n"
        if not options["output"]:
            self.stdout.write(text, ending="")
            return
        try:
            Path(options["output"]).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{options['output']}: {error.strerror}.", returncode=2) from None
        count = len(data["settings"])
        settings = "1 setting" if count == 1 else f"{count} settings"
        self.stdout.write(f"{settings} written to {options['output']}.")
