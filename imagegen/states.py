"""State changes: one table per model and one guarded move.

A state changes by `transition()` only. It asks the database to change the row if it is still
in one of the states that the table allows, and looks at the number of rows changed: of two
people or workers who try at once, one wins and the other gets `InvalidTransition`.
"""

from collections.abc import Iterable
from typing import Any

from django.db import models

from imagegen.errors import InvalidTransition

Moves = dict[str, frozenset[str]]


def sources_of(moves: Moves, target: str) -> list[str]:
    """The states from which `target` may be reached."""
    return [source for source, targets in moves.items() if target in targets]


def transition(
    instance: models.Model,
    target: str,
    *,
    sources: Iterable[str] | None = None,
    where: models.Q | None = None,
    **changes: Any,
) -> None:
    """Move `instance` to the state `target` and write `changes` in the same statement.

    The model has a `state` field and a table `MOVES`. `sources` narrows the allowed origins,
    `where` adds conditions (a worker passes its epoch). Raises `InvalidTransition` if no row
    was changed. The instance's attributes follow plain values; expressions need a refresh.
    """
    model = type(instance)
    allowed = set(sources_of(model.MOVES, target))
    origins = allowed if sources is None else allowed & set(sources)
    rows = model._default_manager.filter(pk=instance.pk, state__in=origins)
    if where is not None:
        rows = rows.filter(where)
    if rows.update(state=target, **changes) != 1:
        present = model._default_manager.filter(pk=instance.pk).values_list("state", flat=True)
        name = model._meta.verbose_name
        now = str(model.State(present[0]).label).lower() if present else "gone"
        wanted = str(model.State(target).label).lower()
        raise InvalidTransition(
            f"This {name} is {now} now, so it cannot become {wanted}. Look at it again."
        )
    instance.state = target
    for field, value in changes.items():
        if not hasattr(value, "resolve_expression"):
            setattr(instance, field, value)
