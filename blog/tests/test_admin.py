"""Posts in the admin."""

from types import SimpleNamespace

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.test import RequestFactory

from blog.admin import PostAdmin
from blog.models import Post, SlugHistory
from blog.tests.factories import BODY, in_hours, make_post, make_public_post

pytestmark = pytest.mark.django_db
ADD = "/admin/blog/post/add/"


@pytest.fixture
def desk(client, administrator):
    client.force_login(administrator)
    return client


def form(**fields):
    inlines = {f"former_slugs-{name}": 0 for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    return {"title": "A post", "slug": "", "body": BODY, "summary": "", "language": "en",
            "author_name": "", "author": "", "split_level": "", "published_at_0": "",
            "published_at_1": "", "scheduled_for_0": "", "scheduled_for_1": "",
            **inlines, **fields}  # fmt: skip


def errors(response):
    return " ".join(sum(response.context["adminform"].form.errors.values(), []))


def test_adding_makes_sections_and_a_slug(desk, administrator):
    assert desk.post(ADD, form()).status_code == 302
    post = Post.objects.get()
    assert (post.slug, post.sections.count(), post.author) == ("a-post", 3, administrator)


def test_editing_goes_through_the_service(desk):
    post = make_post(slug="old")
    desk.post(f"/admin/blog/post/{post.pk}/change/", form(slug="new", body="Short."))
    assert post.sections.count() == 0
    assert SlugHistory.objects.get().slug == "old"


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"slug": "2024"}, "numbers stand for ids"),
        ({"slug": "admin"}, "the site uses itself"),
        ({"slug": "taken"}, "already exists"),
        ({"title": "  "}, "required"),
        ({"title": "x" * 501}, "500"),
        ({"split_level": "7"}, "6"),
        ({"body": "a\x00b"}, "Null"),
    ],
)
def test_wrong_input_is_explained_in_the_form(desk, fields, word):
    make_post(slug="taken")
    response = desk.post(ADD, form(**fields))
    assert response.status_code == 200 and word in errors(response)


def test_scheduled_post_keeps_needing_a_time(desk):
    post = make_post(scheduled_for=in_hours(2))
    Post.objects.filter(pk=post.pk).update(status="scheduled")
    response = desk.post(f"/admin/blog/post/{post.pk}/change/", form(slug="a-post"))
    assert "Enter a time" in errors(response)


def test_change_page_shows_sections_and_former_slugs(desk):
    post = make_public_post()
    SlugHistory.objects.create(post=post, slug="before")
    html = desk.get(f"/admin/blog/post/{post.pk}/change/").content.decode()
    assert "Second things" in html and "before" in html and "Published." in html


def test_list_takes_few_queries(desk, django_assert_max_num_queries):
    for number in range(5):
        make_post(title=f"Post {number}")
    with django_assert_max_num_queries(10):
        assert desk.get("/admin/blog/post/").content.decode().count("Post ") >= 5


def test_list_counts_sections_with_the_posts(django_assert_num_queries):
    make_post(title="One")
    make_post(title="Two", body="Only this.")
    request = RequestFactory().get("/")
    request.resolver_match = SimpleNamespace(url_name="blog_post_changelist")
    desk = PostAdmin(Post, admin.site)
    with django_assert_num_queries(1):
        counts = {post.title: desk.section_count(post) for post in desk.get_queryset(request)}
    assert counts == {"One": 3, "Two": 0}


@pytest.mark.parametrize("query", ["?q=stone", "?status__exact=draft", "?language=en", "?o=-5"])
def test_list_can_be_searched_filtered_and_sorted(desk, query):
    make_post(title="A stone")
    assert desk.get(f"/admin/blog/post/{query}").status_code == 200


@pytest.mark.parametrize("count", [500, pytest.param(2000, marks=pytest.mark.exhaustive)])
def test_post_with_very_many_sections_can_be_edited(desk, count):
    body = "".join(f"## Part {n}\n\nText.\n\n" for n in range(count))
    post = make_post(body=body)
    address = f"/admin/blog/post/{post.pk}/change/"
    assert f"Part {count - 1}" in desk.get(address).content.decode()
    assert desk.post(address, form(slug="a-post", body=body + "More.")).status_code == 302


def run(action, user, posts):
    request = RequestFactory().post("/")
    request.user, request.session = user, {}
    request._messages = FallbackStorage(request)
    getattr(PostAdmin(Post, admin.site), action)(request, posts)
    return [str(message) for message in get_messages(request)]


def test_publishing_counts_what_was_done_and_skipped(administrator):
    make_post(title="One")
    make_public_post(title="Two")
    messages = run("publish_posts", administrator, Post.objects.all())
    assert messages[0] == "1 published, 1 skipped."
    assert "“Two” is published now" in messages[1]


def test_scheduling_without_a_time_is_explained(administrator):
    make_post()
    messages = run("schedule_posts", administrator, Post.objects.all())
    assert messages[0] == "0 scheduled, 1 skipped." and "Enter the time" in messages[1]


def test_withdrawing_from_the_list(administrator):
    make_public_post()
    assert run("withdraw_posts", administrator, Post.objects.all()) == ["1 withdrawn."]


def test_deleting_goes_through_the_service(desk):
    post = make_public_post()
    desk.post(f"/admin/blog/post/{post.pk}/delete/", {"post": "yes"})
    assert not Post.objects.exists()


@pytest.mark.parametrize("model", ["tag", "slughistory"])
def test_other_lists_open(desk, model):
    make_post(tags=["t"])
    SlugHistory.objects.create(post=Post.objects.get(), slug="before")
    assert desk.get(f"/admin/blog/{model}/?q=t").status_code == 200
