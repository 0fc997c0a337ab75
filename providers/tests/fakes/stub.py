"""The stub's imagined service behind a real wire, with the faults of the table."""

import json
from dataclasses import replace
from typing import ClassVar

from providers.backends.stub_service import Ledger, StubService
from providers.tests.fakes.base import FakeService, Reply, Request, Scripted


class FakeStub(FakeService):
    """Speaks as `stub_server` does, in whichever class the connection's option asks for."""

    phases: ClassVar[tuple[str, ...]] = ("call", "poll", "download")
    features: ClassVar[frozenset[str]] = frozenset({"pictures", "many"})
    protocol_faults: ClassVar[frozenset[str]] = frozenset(
        {"refused_input", "moderation_200", "quota", "rate_limit", "model_gone", "bad_parameter"}
        | {"out_of_memory", "lost_result"}
    )
    behaviours: ClassVar[dict[str, str]] = {
        "refused_input": "refuse",
        "moderation_200": "refuse_200",
        "model_gone": "model",
        "bad_parameter": "invalid",
        "lost_result": "lost",
    }

    def __init__(self) -> None:
        super().__init__()
        self._books = Ledger()
        self._service = StubService(self._books)
        self._jobs: dict[str, Scripted] = {}

    def phase(self, request: Request) -> str:
        return "download" if request.path.endswith("/image") else super().phase(request)

    def error(self, status: int) -> Reply:
        return Reply.json({"error": {"code": f"status_{status}"}}, status)

    def answer(self, request: Request) -> Reply:
        data = self._order(request) if request.method == "POST" else {}
        before = len(self._books.charges())
        told = self._service.answer(request.method, request.path, data)
        for key, _ in self._books.charges()[before:]:
            self.charge(key)
        reply = Reply(told.status, told.body, told.headers)
        if told.status == 202:
            self._jobs[json.loads(told.body)["id"]] = self.fault
        if told.headers.get("content-type") != "image/png":
            return reply
        with self.under(self._jobs.get(request.path.split("/")[-2], self.fault)):
            return self._spoiled(reply)

    def _order(self, request: Request) -> dict:
        """The order, with the behaviour that the fault in force stands for."""
        data: dict = request.json()
        if self.faulty(*self.protocol_faults):
            data["behaviour"] = self.behaviours.get(self.fault.name, self.fault.name)
        return data

    def _spoiled(self, reply: Reply) -> Reply:
        """The answer with the pictures that the fault in force leaves of it."""
        drawn = self.pictures(160, 90)
        sizes = ",".join(str(len(data)) for data in drawn)
        return replace(reply, body=b"".join(drawn), headers={**reply.headers, "x-sizes": sizes})
