"""The console: the admin of posts with their pictures, by subject."""

from imagegen.admin import jobs, money, outputs, plans, posts, slots, workers

__all__ = ["jobs", "money", "outputs", "plans", "posts", "slots", "workers"]
