"""Addresses of the blog. Posts lie at the root, so their pattern comes last."""

from django.urls import path

from blog import views
from blog.feeds import PostFeed

app_name = "blog"
urlpatterns = [
    path("", views.index, name="index"),
    path("favicon.ico", views.icon, name="icon"),
    path("feed.xml", PostFeed(), name="feed"),
    path("tags/<str:slug>/", views.tag, name="tag"),
    path("post-pictures/<int:pk>/<str:file_name>", views.post_picture, name="post-picture"),
    path("<str:slug>/", views.post_detail, name="post-detail"),
]
