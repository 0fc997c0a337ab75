"""Runs the stub provider's HTTP server on loopback, for fault runs."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Runs the stub's server on loopback until it is interrupted. Point a connection of kind "
        'stub at the address that it prints, marked "private network".'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8190, help="0: any free one")
        parser.add_argument("--ledger", default="", help="SQLite file of what was charged")

    def handle(self, *args: Any, port: int, ledger: str, **options: Any) -> None:
        from providers.backends.stub_server import StubServer

        try:
            server = StubServer(ledger=ledger, port=port)
        except (OSError, OverflowError) as error:
            raise CommandError(f"The stub cannot listen on port {port}: {error}") from error
        # TERM ends it as well as Ctrl-C, and Ctrl-C works where a shell in the background had
        # it ignored.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        try:
            self.stdout.write(f"Stub at {server.url}")
            self.stdout.flush()
            server.serve()
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
