"""Addresses of files."""

from django.conf import settings
from django.urls import path

from imagegen import views

app_name = "imagegen"
urlpatterns = [
    path("pictures/<uuid:uuid>/preview/", views.preview, name="preview"),
    path("pictures/<uuid:uuid>/original/", views.original, name="original"),
]
if settings.SERVE_MEDIA:
    urlpatterns.append(path("media/<path:path>", views.public_copy, name="public-copy"))
