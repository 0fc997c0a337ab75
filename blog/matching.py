"""Which section of the new text is which section of the old one.

A section has an id of its own, and pictures hang on it, so the id has to survive edits, moves
and repeated imports. Sections are paired in five rounds; what a round pairs, later rounds leave
alone:

1. Same heading and same text. Several such twins are paired in their order.
2. Same heading, by white space and case aside. Where several sections share one heading, the
   likest texts are paired first, then the rest in order.
3. Same text under another heading (texts of at least `MIN_TEXT` characters).
4. Alike: a score of at least `ALIKE`, best pairs first. The score is the share of word pairs
   that two texts have in common (Dice), raised by a like heading; a heading that was renamed
   only a little (`LIKE_HEADING`) is enough alone. On equal scores the nearer place wins.
5. Place: between the same two paired neighbours stands exactly one unpaired section on either
   side, and the two share words, or one of them has no text to compare. Otherwise the old
   section counts as removed and the new one as added: a picture is better offered again than
   shown beside a text that it was not made for.

Only what the first three rounds leave is compared word by word, and only with sections that
share a rare word pair or heading word, so that thousands of sections take no quadratic time.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Protocol

ALIKE = 0.3
LIKE_HEADING = 0.75
HEADING_WEIGHT = 0.25
MIN_TEXT = 20
# A word pair found in more sections than this tells nothing.
COMMON = 12
# So many of the likeliest old sections are compared with a new one.
NEIGHBOURS = 8
SHARED_WORDS = 0.15

_words = re.compile(r"[^\W_]+")


class HasText(Protocol):
    """What is matched: anything with a heading and a text."""

    @property
    def heading(self) -> str: ...

    @property
    def body(self) -> str: ...


@dataclass(eq=False)
class Candidate:
    """One section under comparison, at `place` in its text."""

    place: int
    heading: str
    body: str

    @cached_property
    def name(self) -> str:
        return " ".join(self.heading.casefold().split())

    @cached_property
    def text(self) -> str:
        return " ".join(self.body.split())

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(words_of(self.text))

    @cached_property
    def pairs(self) -> frozenset[Hashable]:
        """Word pairs of the text; single words where it is too short for pairs."""
        words = words_of(self.text)
        return frozenset(zip(words, words[1:], strict=False) if len(words) > 3 else words)


def words_of(text: str) -> list[str]:
    """Words in lower case; in scripts without spaces each character counts as one."""
    words: list[str] = []
    for word in _words.findall(text.casefold()):
        words.extend(word if ord(word[0]) >= 0x2E80 else [word])
    return words


def match_sections(old: Sequence[HasText], new: Sequence[HasText]) -> list[int | None]:
    """For each new section the index of the old one that it continues, or None."""
    before = [Candidate(i, section.heading, section.body) for i, section in enumerate(old)]
    after = [Candidate(i, section.heading, section.body) for i, section in enumerate(new)]
    pairs = _Pairs(before, after)
    pairs.take(_equal(pairs, lambda one: (one.name, one.text)))
    pairs.take(_same_heading(pairs))
    pairs.take(_equal(pairs, lambda one: one.text if len(one.text) >= MIN_TEXT else None))
    pairs.take(_alike(pairs))
    pairs.take(_same_place(pairs))
    return [pairs.found.get(candidate.place) for candidate in after]


class _Pairs:
    """The pairs found so far, and what is left on either side."""

    def __init__(self, before: list[Candidate], after: list[Candidate]) -> None:
        self.before = before
        self.after = after
        self.found: dict[int, int] = {}
        self._used: set[int] = set()

    def take(self, pairs: Iterable[tuple[Candidate, Candidate]]) -> None:
        for old, new in pairs:
            if old.place not in self._used and new.place not in self.found:
                self.found[new.place] = old.place
                self._used.add(old.place)

    @property
    def old_left(self) -> list[Candidate]:
        return [one for one in self.before if one.place not in self._used]

    @property
    def new_left(self) -> list[Candidate]:
        return [one for one in self.after if one.place not in self.found]


def _grouped(candidates: Iterable[Candidate], key) -> dict[Hashable, list[Candidate]]:
    groups: dict[Hashable, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if (value := key(candidate)) is not None:
            groups[value].append(candidate)
    return groups


def _equal(pairs: _Pairs, key) -> Iterator[tuple[Candidate, Candidate]]:
    """Sections with the same key, twins in order."""
    known = _grouped(pairs.old_left, key)
    for value, group in _grouped(pairs.new_left, key).items():
        yield from zip(known.get(value, ()), group, strict=False)


def _same_heading(pairs: _Pairs) -> Iterator[tuple[Candidate, Candidate]]:
    """Sections with the same heading: single ones at once, several by their likeness."""
    known = _grouped(pairs.old_left, lambda one: one.name or None)
    for name, group in _grouped(pairs.new_left, lambda one: one.name or None).items():
        twins = known.get(name, [])
        likest = _one_each(_scored(twins, group)) if len(twins) + len(group) > 2 else []
        yield from likest
        taken = {id(one) for pair in likest for one in pair}
        yield from zip(
            (one for one in twins if id(one) not in taken),
            (one for one in group if id(one) not in taken),
            strict=False,
        )


def _one_each(scored: list[tuple[float, Candidate, Candidate]]) -> list[tuple]:
    """The best pairs in which nobody stands twice."""
    taken: set[int] = set()
    best = []
    for _, old, new in scored:
        if id(old) not in taken and id(new) not in taken:
            taken |= {id(old), id(new)}
            best.append((old, new))
    return best


def _alike(pairs: _Pairs) -> Iterator[tuple[Candidate, Candidate]]:
    for _, old, new in _scored(pairs.old_left, pairs.new_left):
        yield old, new


def _scored(old: list[Candidate], new: list[Candidate]) -> list[tuple[float, Candidate, Candidate]]:
    """Pairs that are alike, the best first, of those that have anything rare in common."""
    scored = []
    for one, other in _neighbours(old, new):
        if (score := likeness(one, other)) >= ALIKE:
            scored.append((score, one, other))
    return sorted(scored, key=lambda row: (-row[0], abs(row[1].place - row[2].place)))


def _neighbours(
    old: list[Candidate], new: list[Candidate]
) -> Iterator[tuple[Candidate, Candidate]]:
    """For each new section the few old ones with which it shares most rare marks."""
    index: dict[Hashable, list[Candidate]] = defaultdict(list)
    for candidate in old:
        for mark in _marks(candidate):
            index[mark].append(candidate)
    for candidate in new:
        shared: Counter[Candidate] = Counter()
        for mark in _marks(candidate):
            holders = index.get(mark, ())
            if len(holders) <= COMMON:
                shared.update(holders)
        for holder, _ in shared.most_common(NEIGHBOURS):
            yield holder, candidate


def _marks(candidate: Candidate) -> set[Hashable]:
    return {*candidate.pairs, *(("heading", word) for word in words_of(candidate.heading))}


def likeness(one: Candidate, other: Candidate) -> float:
    """How alike two sections are, from 0 to 1."""
    text = _dice(one.pairs, other.pairs)
    heading = SequenceMatcher(None, one.name, other.name).ratio() if one.name else 0.0
    if heading >= LIKE_HEADING:
        return max(text, ALIKE) * (1 - HEADING_WEIGHT) + heading * HEADING_WEIGHT
    return text


def _dice(one: frozenset, other: frozenset) -> float:
    total = len(one) + len(other)
    return 2 * len(one & other) / total if total else 0.0


def _same_place(pairs: _Pairs) -> Iterator[tuple[Candidate, Candidate]]:
    """Single leftovers between the same two neighbours."""
    gaps = _gaps_of_old(pairs)
    for (left, right), group in _gaps_of_new(pairs).items():
        known = gaps.get((left, right), [])
        if len(known) == len(group) == 1 and _may_be_same(known[0], group[0]):
            yield known[0], group[0]


def _may_be_same(old: Candidate, new: Candidate) -> bool:
    if not old.words or not new.words:
        return True
    shared = _dice(old.words | set(words_of(old.heading)), new.words | set(words_of(new.heading)))
    return shared >= SHARED_WORDS


Gap = tuple[int | None, int | None]


def _gaps_of_old(pairs: _Pairs) -> dict[Gap, list[Candidate]]:
    partner = {old: new for new, old in pairs.found.items()}
    return _gaps(pairs.before, {one.place: partner.get(one.place) for one in pairs.before})


def _gaps_of_new(pairs: _Pairs) -> dict[Gap, list[Candidate]]:
    kept = {place: place for place in pairs.found}
    return _gaps(pairs.after, {one.place: kept.get(one.place) for one in pairs.after})


def _gaps(candidates: list[Candidate], paired: dict[int, int | None]) -> dict[Gap, list[Candidate]]:
    """Unpaired sections by the paired ones before and after them (as places in the new text)."""
    gaps: dict[Gap, list[Candidate]] = defaultdict(list)
    left: int | None = None
    open_gap: list[Candidate] = []
    for candidate in candidates:
        place = paired[candidate.place]
        if place is None:
            open_gap.append(candidate)
            continue
        if open_gap:
            gaps[left, place].extend(open_gap)
            open_gap = []
        left = place
    if open_gap:
        gaps[left, None].extend(open_gap)
    return gaps
