"""Breaking a title into balanced lines, as large as its box allows."""

import unicodedata
from dataclasses import dataclass, replace

from providers.backends.studio.type import Block, font

_MEASURE_SIZE = 256
_MANY_PIECES = 40
_GOOD_SHARE = 0.55  # of the largest size: below it long words are rather broken
_SHORT_WORD_COST = {1: 0.4, 2: 0.05}  # "a" or "of" reads better on the next line
_WIDOW, _WIDOW_COST = 3, 0.3  # a lone short word at the end
_DASH_COST = 0.6  # a dash belongs to the end of a line, not to the beginning


@dataclass(frozen=True)
class _Word:
    """A word (or a piece of one) and its width in ems; `ends` a line when a hyphen cut it."""

    text: str
    width: float
    ends: bool = False


def fit(text: str, face: str, box: tuple[int, int], largest: int, smallest: int) -> Block:
    """Set a text as large as the box (width, height) allows, between two sizes in pixels.

    Lines are balanced. Words are broken with a hyphen only where the type would become small
    otherwise; a text too long for the smallest size ends in an ellipsis.
    """
    ruler = _Ruler(face)
    words = [_Word(w, ruler.width(w)) for w in text.split()]
    whole = _largest(ruler, words, box, largest, smallest)
    good = max(smallest, round(largest * _GOOD_SHARE))
    if whole and whole.size >= good:
        return whole
    for pieces in (2, 3, _MANY_PIECES):
        broken = _largest(ruler, words, box, good, smallest, pieces)
        if whole and (broken is None or whole.size >= broken.size * 0.8):
            return whole
        if broken and (broken.size >= good * 0.6 or pieces == _MANY_PIECES):
            return broken
    return _truncated(ruler, words, box, smallest)


class _Ruler:
    """Widths of texts in ems: measured once at one size and scaled to all others."""

    def __init__(self, face: str) -> None:
        self.face = face
        self._font = font(face, _MEASURE_SIZE)
        self.space = self.width("n n") - self.width("nn")

    def width(self, text: str) -> float:
        """Return the width of a text in ems."""
        return self._font.getlength(text) / _MEASURE_SIZE


def _largest(ruler, words, box, largest: int, smallest: int, pieces: int = 1) -> Block | None:
    """Return the block at the largest size that fits, found by halving the range."""
    low, high, best = smallest, max(largest, smallest), 0
    while low <= high:
        size = (low + high) // 2
        if _fits(ruler, words, box, size, pieces):
            best, low = size, size + 1
        else:
            high = size - 1
    while best >= smallest:
        block = _composed(ruler, words, box, best, pieces)
        if block:
            return block
        best -= 1
    return None


def _fits(ruler, words, box, size: int, most: int) -> bool:
    limit = box[0] / size
    pieces = _pieces(ruler, words, limit, most)
    if any(p.width > limit for p in pieces):
        return False
    lines = ("",) * _line_count(pieces, ruler.space, limit)
    return Block(lines, ruler.face, size, box[0]).height <= box[1]


def _composed(ruler, words, box, size: int, most: int) -> Block | None:
    """Return the balanced block; None where rounding makes a line a pixel too wide."""
    limit = box[0] / size
    pieces = _pieces(ruler, words, limit, most)
    lines = tuple(_balanced(pieces, ruler.space, limit))
    text = " ".join(w.text for w in words)
    block, real = Block(lines, ruler.face, size, box[0], text), font(ruler.face, size)
    wide = max(real.getlength(line) for line in lines)
    return block if wide <= box[0] and block.height <= box[1] else None


def _pieces(ruler: _Ruler, words: list[_Word], limit: float, most: int) -> list[_Word]:
    """Cut the words that are wider than a line into at most that many pieces."""
    out: list[_Word] = []
    for word in words:
        out.extend(_cut(ruler, word, limit, most) if word.width > limit else [word])
    return out


def _cut(ruler: _Ruler, word: _Word, limit: float, most: int) -> list[_Word]:
    """Cut one word into near-equal pieces no wider than the limit, hyphens included."""
    text = word.text
    for count in range(2, min(most, len(text) // 2) + 1):
        places = [_syllable(text, round(i * len(text) / count)) for i in range(1, count)]
        ends = zip([0, *places], [*places, len(text)], strict=True)
        parts = [text[a:b] for a, b in ends]
        shown = [p if p.endswith("-") else f"{p}-" for p in parts[:-1]] + parts[-1:]
        widths = [ruler.width(p) for p in shown]
        if max(widths) <= limit:
            last = [True] * (len(shown) - 1) + [word.ends]
            return [_Word(*piece) for piece in zip(shown, widths, last, strict=True)]
    return [word]


def _syllable(text: str, place: int) -> int:
    """Return a place to cut near this one, between syllables as far as vowels tell."""
    near = [
        p for p in (place, place + 1, place - 1, place + 2, place - 2) if 2 <= p <= len(text) - 2
    ]
    return min(near, key=lambda p: _roughness(text, p), default=place)


def _roughness(text: str, place: int) -> int:
    """Rate a cut: 0 between syllables, more the worse it reads."""
    before, after, beyond = (_is_vowel(text[i]) for i in (place - 1, place, place + 1))
    return (2 if after else 0) + (0 if beyond else 1) + (1 if not before and not after else 0)


def _is_vowel(char: str) -> bool:
    return unicodedata.normalize("NFD", char)[0].lower() in "aeiouyæøœ"


def _line_count(words: list[_Word], space: float, limit: float) -> int:
    """Return how many lines it takes when each holds as many words as it can."""
    count, room = 0, -1.0
    for word in words:
        if word.width + space <= room:
            room -= word.width + space
        else:
            count, room = count + 1, limit - word.width
        if word.ends:
            room = -1.0
    return count


def _balanced(words: list[_Word], space: float, limit: float) -> list[str]:
    """Break into the fewest lines that hold the text, as equal in width as can be."""
    count = _line_count(words, space, limit)
    target = max((sum(w.width for w in words) + space * (len(words) - count)) / count, 1e-6)
    rows: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    for line in range(1, count + 1):
        row = {}
        for end in range(line, len(words) + 1):
            best = _best_break(rows[-1], words, space, limit, target, end)
            if best:
                row[end] = best
        rows.append(row)
    end, lines = len(words), []
    for row in reversed(rows[1:]):
        start = row[end][1]
        lines.append(" ".join(w.text for w in words[start:end]))
        end = start
    return lines[::-1]


def _best_break(before, words, space, limit, target, end: int) -> tuple[float, int] | None:
    """Return the least cost of a line ending before word `end`, and the word it starts with."""
    best, width = None, -space
    last = words[end - 1]
    extra = _SHORT_WORD_COST.get(len(last.text), 0.0) if end < len(words) else 0.0
    for start in range(end - 1, -1, -1):
        width += words[start].width + space
        if width > limit + 1e-6 or (start < end - 1 and words[start].ends):
            break
        if start not in before:
            continue
        cost = before[start][0] + ((width - target) / target) ** 2 + extra
        if end == len(words) and start == end - 1 and len(last.text) <= _WIDOW and start:
            cost += _WIDOW_COST
        if start and not any(c.isalnum() for c in words[start].text):
            cost += _DASH_COST
        if best is None or cost < best[0]:
            best = (cost, start)
    return best


def _truncated(ruler: _Ruler, words: list[_Word], box, size: int) -> Block:
    """Set as many words as the box holds at this size, then an ellipsis."""
    low, high, best = 1, len(words), None
    while low <= high:
        middle = (low + high) // 2
        shown = _with_ellipsis(ruler, words[:middle])
        block = None
        if _fits(ruler, shown, box, size, _MANY_PIECES):
            block = _composed(ruler, shown, box, size, _MANY_PIECES)
        if block:
            best, low = block, middle + 1
        else:
            high = middle - 1
    return replace(best or _one_line(words[0].text, ruler.face, box, size), truncated=True)


def _with_ellipsis(ruler: _Ruler, words: list[_Word]) -> list[_Word]:
    last = words[-1].text.rstrip(",;:.–—-") + "…"
    return [*words[:-1], _Word(last, ruler.width(last))]


def _one_line(text: str, face: str, box, size: int) -> Block:
    """Return the beginning of a text that does not even fit with its first word."""
    real, low, high = font(face, size), 1, min(len(text), 200)
    while low < high:
        middle = (low + high + 1) // 2
        if real.getlength(f"{text[:middle]}…") <= box[0]:
            low = middle
        else:
            high = middle - 1
    shown = f"{text[:low]}…"
    return Block((shown,), face, size, box[0], shown)
