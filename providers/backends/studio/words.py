"""Small help with English."""


def in_words(names: list[str]) -> str:
    """Join names as a sentence does: a, b and c."""
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
