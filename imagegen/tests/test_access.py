"""Permissions and the groups that hold them."""

import pytest
from django.contrib.auth.models import Group, Permission

from imagegen.errors import NotPermitted
from imagegen.services.access import PERMISSIONS, install_groups, may, require

pytestmark = pytest.mark.django_db

MATRIX = {
    "editor": {"generate", "approve", "override", "read_drafts"},
    "reviewer": {"approve", "read_drafts"},
    "stranger": set(),
    "administrator": set(PERMISSIONS),
}


@pytest.mark.parametrize("person", MATRIX)
def test_groups_hold_what_they_should(person, request):
    user = request.getfixturevalue(person)
    assert {name for name in PERMISSIONS if may(user, name)} == MATRIX[person]


def test_administrators_group_holds_every_permission(make_user):
    user = make_user("erin", "Administrators")
    assert all(may(user, name) for name in PERMISSIONS)


def test_refusal_names_the_permission(stranger):
    with pytest.raises(NotPermitted, match="You may not review images.*“approve”"):
        require(stranger, "approve")


def test_system_may_do_anything():
    require(None, "spend")


def test_reviewer_may_look_at_places_but_not_change_them(reviewer):
    assert reviewer.has_perm("imagegen.view_imageslot")
    assert not reviewer.has_perm("imagegen.change_imageslot")


def test_installing_twice_changes_nothing(django_assert_max_num_queries):
    before = Group.objects.get(name="Editors").permissions.count()
    with django_assert_max_num_queries(2):
        install_groups()
    assert Group.objects.get(name="Editors").permissions.count() == before


def test_permission_that_was_taken_away_stays_away():
    group = Group.objects.get(name="Editors")
    group.permissions.remove(Permission.objects.get(codename="override"))
    install_groups()
    assert not group.permissions.filter(codename="override").exists()


def test_permission_that_was_added_stays():
    group = Group.objects.get(name="Reviewers")
    group.permissions.add(Permission.objects.get(codename="generate"))
    install_groups()
    assert group.permissions.filter(codename="generate").exists()


def test_removed_group_comes_back_only_with_what_is_new():
    Group.objects.get(name="Reviewers").delete()
    install_groups()
    assert not Group.objects.filter(name="Reviewers").exists()
