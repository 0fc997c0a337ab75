"""Says how far a provider works and what its models take; on request by a real picture."""

import sys
from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.core.management.base import CommandError

from imagegen.errors import ImagegenError
from imagegen.management.base import ALL_DONE, WorkCommand
from imagegen.management.choices import NothingCanStart, find_amount
from imagegen.management.waiting import BatchWatch
from imagegen.models import Attempt, GenerationBatch, ImageOutput
from imagegen.services.batches import BatchPlan
from imagegen.services.trials import create_trial, plan_trial
from imagegen.services.wording import cost_range, money_text
from providers.errors import ProviderProblem
from providers.health import check_connection, feature_table
from providers.models import Connection, ImageModel
from providers.services import default_of
from providers.types import Health

MARKS = {True: "yes", False: "NO", None: "-"}
PROMPT = "A single red apple on a plain white table, soft daylight."
WIDEST = 120  # characters of the feature table's columns
CHEAP = "low"  # the quality of a live check, where the model has one of that name


class Command(WorkCommand):
    """Health at four levels and the feature table; `--live` makes one small picture as well.

    Exit code 1 when something is wrong.
    """

    help = (
        "Looks at a provider: is it configured, reached, does it accept the secret, has a real "
        "call ever succeeded; and what do its models take. Costs nothing without --live. "
        "Exit code 1 when something is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short name of the provider, such as studio")
        live = parser.add_argument_group("a real picture")
        live.add_argument("--live", action="store_true", help="Make one small picture.")
        live.add_argument("--model", metavar="NAME", help="Default: the provider's default model.")
        live.add_argument("--max-cost", metavar="AMOUNT", help="The most that it may cost.")
        live.add_argument("--yes", action="store_true", help="Spend without asking.")

    def run(self, options: dict[str, Any]) -> int:
        connection = self._find(options["name"])
        self.say(f"{connection} ({connection.kind})")
        if not connection.enabled:
            self.say("It is disabled.")
        if connection.is_paused:
            self.say(f"It is paused: {connection.pause_reason or 'no reason given'}")
        answers = check_connection(connection)
        self._write_health(answers)
        self._write_features(connection)
        if any(answer.ok is False for answer in answers):
            raise CommandError(f"{connection.name} cannot be used as it is.")
        if options["live"]:
            self._make_picture(connection, options)
        return ALL_DONE

    def _find(self, name: str) -> Connection:
        try:
            return Connection.objects.get(name=name)
        except Connection.DoesNotExist as error:
            known = ", ".join(Connection.objects.values_list("name", flat=True)) or "none"
            raise CommandError(f'There is no provider "{name}". Known: {known}.') from error

    def _write_health(self, answers: list[Health]) -> None:
        for answer in answers:
            self.say(f"  {answer.level:<14} {MARKS[answer.ok]:<4} {answer.message}")

    def _write_features(self, connection: Connection) -> None:
        enabled = connection.models.filter(enabled=True).select_related("connection")
        models = list(enabled.for_pictures())
        try:
            table = feature_table(models)
        except ProviderProblem as problem:
            raise CommandError(problem.in_full) from problem
        if not table:
            self.say("It has no enabled models for pictures.")
        names = [model.name for model in models]
        for name, text in _side_by_side(names, table) or _one_by_one(names, table):
            self.say(f"  {name:<18} {text}".rstrip())
        if texts := ", ".join(model.name for model in enabled.for_texts()):
            self.say(f"  {'writes prompts':<18} {texts}")

    # --- A real picture -----------------------------------------------------------------

    def _make_picture(self, connection: Connection, options: dict[str, Any]) -> None:
        """Say what it costs, make one picture the whole way, tell where it is."""
        try:
            cap = find_amount(options["max_cost"])
            plan = plan_live(self._model(connection, options["model"]))
            self._announce(plan, cap)
            self._ask(plan, options["yes"])
            batch = create_trial(plan=plan, user=None, door=GenerationBatch.Door.COMMAND, cap=cap)
        except (ImagegenError, NothingCanStart) as error:
            raise CommandError(str(error)) from error
        BatchWatch(batch=batch, write=self.say, terminal=False).wait()
        self._tell(batch)

    def _model(self, connection: Connection, name: str | None) -> ImageModel:
        rows = connection.models.for_pictures().select_related("connection")
        row = rows.filter(name=name).first() if name is not None else default_of(rows)
        if row is None:
            known = ", ".join(rows.values_list("name", flat=True)) or "none"
            what = f'no model "{name}" for pictures' if name else "no enabled model for pictures"
            raise NothingCanStart(f"{connection.name} has {what}. Known: {known}.")
        return row

    def _announce(self, plan: BatchPlan, cap: Decimal | None) -> None:
        item = plan.items[0]
        size = f"{item.request.width}x{item.request.height}"
        quality = f", quality {item.request.quality}" if item.request.quality else ""
        price = cost_range(item.low, item.high)
        self.say(f"One picture of {size}{quality} by {item.direction.model.name}: {price}.")
        for note in item.notes:
            self.say(note)
        if cap is not None and item.high > cap:
            raise NothingCanStart(
                f"It may cost {money_text(item.high)}, more than {money_text(cap)}."
            )

    def _ask(self, plan: BatchPlan, sure: bool) -> None:
        """What may cost something is only made on somebody's word."""
        if sure or not plan.high:
            return
        if not self._can_ask():
            raise NothingCanStart("This costs money: say --yes.")
        if input("Spend that? [y/N] ").strip().lower() not in ("y", "yes"):
            raise NothingCanStart("Nothing was asked for.")

    def _can_ask(self) -> bool:
        return sys.stdin.isatty()

    def _tell(self, batch: GenerationBatch) -> None:
        """Where the picture is and what it cost, or why there is none."""
        job = batch.jobs.get()
        attempt = job.attempts.order_by("number").last()
        for output in ImageOutput.objects.filter(attempt__job=job):
            self.say(f"  stored as      {output.path} ({output.width}x{output.height})")
        if attempt is not None:
            self._write_call(attempt)
        if job.state != job.State.STORED:
            reason = f"{(job.error or {}).get('message', '')} {(job.error or {}).get('hint', '')}"
            state = job.get_state_display().lower()
            raise CommandError(f"There is no picture, the job is {state}. {reason}".strip())

    def _write_call(self, attempt: Attempt) -> None:
        if attempt.state == Attempt.State.UNKNOWN:
            cost = f"{money_text(attempt.reserved)} in doubt"
        else:
            cost = money_text(attempt.cost)
        self.say(f"  cost           {cost}")
        if attempt.sent_at and attempt.received_at:
            seconds = (attempt.received_at - attempt.sent_at).total_seconds()
            self.say(f"  took           {seconds:.1f} s")
        self.say(f"  request id     {attempt.request_id or 'none'}")


def _side_by_side(names: list[str], table: list[tuple[str, list[str]]]) -> list[tuple[str, str]]:
    """The models in columns; nothing if that is too wide to be read."""
    rows = [("", names), *table]
    widths = [max(len(cells[n]) for _, cells in rows) for n in range(len(names))]
    if not table or sum(widths) > WIDEST:
        return []
    return [
        (name, "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)))
        for name, cells in rows
    ]


def _one_by_one(names: list[str], table: list[tuple[str, list[str]]]) -> list[tuple[str, str]]:
    """What all models share once, what differs with the models that it is true of."""
    lines = [("models", ", ".join(names))] if table else []
    for name, cells in table:
        for number, cell in enumerate(dict.fromkeys(cells)):
            those = [model for model, own in zip(names, cells, strict=True) if own == cell]
            text = cell if len(those) == len(names) else f"{cell}  [{', '.join(those)}]"
            lines.append((name if number == 0 else "", text))
    return lines


def plan_live(model: ImageModel) -> BatchPlan:
    """A small, cheap picture by `model`. Raises Refused."""
    try:
        qualities = model.capabilities_object().qualities
    except ProviderProblem as problem:
        raise NothingCanStart(problem.in_full) from problem
    return plan_trial(model=model, prompt=PROMPT, quality=CHEAP if CHEAP in qualities else "")
