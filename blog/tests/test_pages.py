"""What readers get."""

import json
import re
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.template.loader import render_to_string

from blog.models import Post
from blog.services import keep_picture, schedule_post, withdraw_post
from blog.tests.factories import BODY, DAY, edited, in_hours, make_post, make_public_post

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def reader_of_drafts(make_user):
    user = make_user("dan")
    user.user_permissions.add(Permission.objects.get(codename="read_drafts"))
    return user


def page(client, address, status=200):
    response = client.get(address)
    assert response.status_code == status
    return response.content.decode()


def many_posts(number):
    for index in range(number):
        make_public_post(title=f"Post {index}", at=DAY.replace(day=1 + index), tags=["t"])


# --- A post -----------------------------------------------------------------------------


def test_post_shows_its_parts_in_order(client):
    make_public_post(summary="A summary.", author_name="Ann Ode", tags=["stone"])
    html = page(client, "/a-post/").partition("<body")[2]
    places = [html.index(part) for part in (
        ">stone</a>", "A post</h1>", "A summary.</p>", "Ann Ode", "1 March 2025",
        "An introduction", "First things</h2>", "apples", "Second things</h2>",
    )]  # fmt: skip
    assert places == sorted(places)


def test_section_headings_are_anchors(client):
    make_public_post()
    assert '<h2 id="second-things"' in page(client, "/a-post/")


def test_post_without_sections_or_pictures_is_whole(client):
    make_public_post(body="Only *this*.")
    html = page(client, "/a-post/")
    assert "<em>this</em>" in html and "<figure" not in html and "<section" not in html


def test_empty_post_is_shown(client):
    make_public_post(body="")
    page(client, "/a-post/")


def test_text_that_was_changed_past_the_services_is_still_shown(client):
    post = make_public_post()
    Post.objects.filter(pk=post.pk).update(body=BODY + "\n## Fourth things\n\nMore.\n")
    assert "Fourth things</h2>" in page(client, "/a-post/")


def test_hostile_post_runs_no_script(client):
    make_public_post(title="<script>alert(1)</script>", slug="x", summary="<img onerror=x>",
                     body="<script>alert(2)</script>\n\n## </h2><script>\n\n## B\n")  # fmt: skip
    html = page(client, "/x/")
    scripts = re.findall(r"<script[^>]*>", html)
    assert scripts == ['<script type="application/ld+json">']
    assert "<img" not in html


def test_right_to_left_post_says_so(client):
    make_public_post(title="שלום עולם 🎈", language="he", slug="")
    html = page(client, "/שלום-עולם/")
    assert '<article class="post" lang="he" dir="rtl">' in html


def test_unknown_post_is_404(client):
    assert "There is no page at this address" in page(client, "/nothing/", 404)


@pytest.mark.parametrize("address", ["/a-post/", "/tags/none/", "/?page=2", "/?page=x", "/?page=0"])
def test_pages_that_are_not_there(client, address):
    make_post()
    page(client, address, 404)


def test_former_address_redirects_for_good(client):
    edited(make_public_post(slug="old"), slug="new")
    response = client.get("/old/")
    assert (response.status_code, response["Location"]) == (301, "/new/")


def test_former_address_of_a_draft_tells_nothing(client):
    edited(make_post(slug="old"), slug="new")
    page(client, "/old/", 404)


def test_draft_shows_itself_to_those_permitted(client, reader_of_drafts):
    make_post()
    client.force_login(reader_of_drafts)
    response = client.get("/a-post/")
    assert "Draft." in response.content.decode()
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Robots-Tag"] == "noindex"


def test_draft_hides_from_staff_without_the_permission(client, stranger):
    make_post()
    client.force_login(stranger)
    page(client, "/a-post/", 404)


@pytest.mark.parametrize("how", [lambda p: schedule_post(post=p, at=in_hours(2)), None])
def test_posts_that_are_not_public_are_nowhere(client, how):
    post = make_public_post(tags=["t"]) if how is None else make_post(tags=["t"])
    how(post) if how else withdraw_post(post=post)
    for address in ("/", "/tags/t/", "/feed.xml"):
        assert "A post" not in page(client, address)
    page(client, "/a-post/", 404)


def test_neighbours_in_time_are_linked(client):
    many_posts(3)
    html = page(client, "/post-1/")
    assert '<a class="earlier" rel="prev" href="/post-0/">' in html
    assert '<a class="later" rel="next" href="/post-2/">' in html


def test_head_tells_robots_and_other_sites(client, settings):
    settings.SITE_URL = "https://blog.example.org"
    make_public_post(summary='He said "no" & left', author_name="Ann", tags=["t"])
    html = page(client, "/a-post/")
    assert '<link rel="canonical" href="https://blog.example.org/a-post/">' in html
    assert 'content="He said &quot;no&quot; &amp; left"' in html
    assert '<meta property="og:type" content="article">' in html
    assert '<meta name="twitter:card" content="summary">' in html


def test_article_data_cannot_break_out_of_its_element(client):
    make_public_post(title="</script><script>alert(1)</script>", slug="x")
    text = re.search(r"ld\+json\">(.*?)</script>", page(client, "/x/"))[1]
    assert json.loads(text)["headline"] == "</script><script>alert(1)</script>"


def test_straight_quotes_are_set_as_the_language_writes_them(client):
    make_public_post(title="Nine O'Clock", slug="x", language="en")
    assert "Nine O’Clock</h1>" in page(client, "/x/")


def test_long_opening_gets_an_initial(client):
    make_public_post(title="Long", body="Word " * 60)
    make_public_post(title="Short", body="Word " * 6)
    assert "has-initial" in page(client, "/long/")
    assert "has-initial" not in page(client, "/short/")


def test_initial_is_not_torn_off_a_joined_script(client):
    make_public_post(title="Long", body="جدار " * 200, language="ar")
    assert "has-initial" not in page(client, "/long/")


def test_post_takes_a_constant_number_of_queries(client, django_assert_num_queries):
    many_posts(3)
    body = "".join(f"## Part {n}\n\nText.\n\n" for n in range(40))
    edited(Post.objects.get(slug="post-1"), body=body)
    with django_assert_num_queries(7):
        page(client, "/post-1/")


def test_policy_forbids_scripts(client):
    make_public_post()
    for address in ("/", "/a-post/"):
        assert client.get(address)["Content-Security-Policy"].startswith("default-src 'none'")


def test_posting_to_a_page_is_refused(client):
    make_public_post()
    assert client.post("/a-post/").status_code == 405


# --- Lists ------------------------------------------------------------------------------


def test_index_shows_the_newest_large_and_pages_the_rest(client, settings):
    settings.POSTS_PER_PAGE = 2
    many_posts(5)
    html = page(client, "/")
    assert html.index('class="lead') < html.index("Post 4</a>") < html.index("Post 3</a>")
    assert "Page 1 of 3" in html and 'href="?page=2"' in html
    second = page(client, "/?page=2")
    assert 'class="lead' not in second and "Post 2</a>" in second
    assert '<a rel="prev" href="/">' in second


def test_empty_index_says_so(client):
    assert "Nothing has been published here yet" in page(client, "/")


def test_index_takes_a_constant_number_of_queries(client, django_assert_num_queries):
    many_posts(8)
    with django_assert_num_queries(4):
        page(client, "/")


def test_tag_lists_its_posts(client):
    make_public_post(tags=["Dry stone"])
    make_public_post(title="Other", tags=["else"])
    html = page(client, "/tags/dry-stone/")
    assert "A post</a>" in html and "Other</a>" not in html and "1 post</p>" in html


def test_tag_without_public_posts_says_so(client):
    make_post(tags=["t"])
    assert "No published post has this tag" in page(client, "/tags/t/")


def test_control_characters_do_not_break_the_feed(client):
    wild = "a\x01b\x1b\ufffe\ud800"
    post = make_public_post(title=wild, body=wild, summary=wild, author_name=wild, tags=[wild])
    post.tags.update(name=wild[:5])
    feed = ElementTree.fromstring(page(client, "/feed.xml"))  # noqa: S314 (our own)
    entry = feed.find(f"{ATOM}entry")
    assert entry.find(f"{ATOM}title").text == "ab"


def test_feed_is_valid_and_names_the_posts(client, settings):
    settings.SITE_URL = "https://blog.example.org"
    make_public_post(summary="A summary.", author_name="Ann", tags=["t"])
    feed = ElementTree.fromstring(page(client, "/feed.xml"))  # noqa: S314 (our own)
    entry = feed.find(f"{ATOM}entry")
    assert entry.find(f"{ATOM}link").get("href") == "https://blog.example.org/a-post/"
    assert entry.findtext(f"{ATOM}summary") == "A summary."
    assert entry.findtext(f"{ATOM}id").startswith("tag:blog.example.org,")
    assert entry.findtext(f"{ATOM}published") == "2025-03-01T09:30:00+00:00"


def test_entries_keep_their_ids_when_the_slug_changes(client):
    post = make_public_post(slug="one")
    before = re.search(r"<entry>.*?<id>(.*?)</id>", page(client, "/feed.xml"))[1]
    edited(post, slug="two")
    assert before in page(client, "/feed.xml")


# --- Pictures ---------------------------------------------------------------------------


@pytest.fixture
def picture():
    """A stored picture of a public post."""
    post = make_public_post(body="![The *sea*](sea.png)")
    path = storages["originals"].save("originals/x/sea.png", ContentFile(b"not read here"))
    return keep_picture(post=post, name="sea.png", path=path, sha256="ab" * 32, width=640,
                        height=416)  # fmt: skip


def test_own_picture_is_shown_with_its_size(client, picture):
    html = page(client, "/a-post/")
    assert f'src="{picture.get_absolute_url()}"' in html
    assert 'width="640" height="416"' in html and 'alt="The sea"' in html


def test_own_picture_is_served_for_ever(client, picture):
    response = client.get(picture.get_absolute_url())
    assert b"".join(response.streaming_content) == b"not read here"
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in response["Cache-Control"]


def test_picture_of_a_withdrawn_post_is_gone(client, picture, reader_of_drafts):
    withdraw_post(post=picture.post)
    assert client.get(picture.get_absolute_url()).status_code == 404
    client.force_login(reader_of_drafts)
    assert client.get(picture.get_absolute_url())["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("name", ["x.png", "%.png", "abababababababababababab.jpg", ".png"])
def test_other_names_give_no_picture(client, picture, name):
    assert client.get(f"/post-pictures/{picture.post_id}/{name}").status_code == 404


def test_picture_whose_file_is_lost_is_404(client, picture):
    storages["originals"].delete(picture.path)
    assert client.get(picture.get_absolute_url()).status_code == 404


def figure(role, **fields):
    shown = {"url": "/media/a.jpg", "width": 960, "height": 640, "alt": 'A "sea"',
             "caption": "", "told": None, "colour": "#aabbcc", "files": ()} | fields  # fmt: skip
    context = {"picture": SimpleNamespace(**shown), "role": role}
    return render_to_string("imagegen/_figure.html", context)


TOLD = SimpleNamespace(shown=True, label="KI-generiert", sentence="Von KI (m-1).", language="de")


def test_figure_keeps_its_place_while_it_loads():
    html = figure("section")
    assert 'width="960" height="640"' in html and "background-color: #aabbcc" in html
    assert 'loading="lazy"' in html and "&quot;sea&quot;" in html and "<figcaption" not in html


def test_hero_is_loaded_first():
    html = figure("hero")
    assert 'fetchpriority="high"' in html and "lazy" not in html


def test_caption_carries_the_label():
    html = figure("section", caption="The sea", told=TOLD)
    assert '<span dir="auto">The sea</span> <span lang="de" dir="auto">Von KI (m-1).</span>' in html
    assert '<span class="label" lang="de">KI-generiert</span></figcaption>' in html


def test_card_shows_the_label_alone():
    html = figure("card", caption="The sea", told=TOLD)
    assert "The sea" not in html and "Von KI" not in html and "KI-generiert" in html


def test_no_picture_leaves_no_hole():
    assert render_to_string("imagegen/_figure.html", {"picture": None}).strip() == ""


@pytest.mark.parametrize(
    "address", ["/post-pictures/99999999999999999999999/x.png", "/?page=99999999999999999999"]
)
def test_impossible_addresses_are_not_found(client, address):
    page(client, address, 404)


@pytest.mark.parametrize("address", ["/a%00b/", "/tags/%00/", "/?page=%00", "/post-pictures/1/%00"])
def test_addresses_with_nul_are_refused(client, address):
    page(client, address, 400)


def test_icon_is_found_where_browsers_look_for_it(client):
    assert client.get("/favicon.ico").url.endswith(".svg")
