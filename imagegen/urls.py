"""Addresses of files, and of the feed, which takes the place of the blog's own."""

from django.conf import settings
from django.urls import path

from imagegen import views
from imagegen.feeds import PictureFeed

app_name = "imagegen"
urlpatterns = [
    path("feed.xml", PictureFeed(), name="feed"),
    path("pictures/<uuid:uuid>/preview/", views.preview, name="preview"),
    path("pictures/<uuid:uuid>/original/", views.original, name="original"),
    path("pictures/signed/<str:token>/", views.signed, name="signed"),
]
if settings.SERVE_MEDIA:
    urlpatterns.append(path("media/<path:path>", views.public_copy, name="public-copy"))
