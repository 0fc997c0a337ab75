"""Moves between states: the tables, and that only one of two wins."""

import pytest

from imagegen.errors import InvalidTransition
from imagegen.models import Attempt, GenerationJob, ImageOutput
from imagegen.states import sources_of, transition
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job

State = GenerationJob.State


@pytest.fixture
def job(db, tmp_path):
    post = make_post()
    return only_job(make_batch([hero_of(post)], make_stub(tmp_path)))


def test_move_that_the_table_allows(job):
    transition(job, State.CANCELLED)
    job.refresh_from_db()
    assert job.state == State.CANCELLED


def test_move_that_the_table_forbids_names_both_states(job):
    with pytest.raises(InvalidTransition, match="waiting now.*cannot become stored"):
        transition(job, State.STORED)


def test_second_of_two_moves_loses(job):
    twin = GenerationJob.objects.get(pk=job.pk)
    transition(job, State.CANCELLED)
    with pytest.raises(InvalidTransition):
        transition(twin, State.CANCELLED)


def test_failed_move_leaves_the_instance_alone(job):
    with pytest.raises(InvalidTransition):
        transition(job, State.STORED, owner="x")
    assert (job.state, job.owner) == (State.QUEUED, "")


@pytest.mark.parametrize("model", [GenerationJob, Attempt, ImageOutput])
def test_every_state_of_a_table_exists(model):
    named = set(model.MOVES) | {target for moves in model.MOVES.values() for target in moves}
    assert named <= set(model.State.values)


@pytest.mark.parametrize("model", [GenerationJob, Attempt, ImageOutput])
def test_every_state_but_the_first_can_be_reached(model):
    first = model._meta.get_field("state").default
    unreachable = [s for s in model.State.values if s != first and not sources_of(model.MOVES, s)]
    assert unreachable == []
