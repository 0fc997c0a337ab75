"""Near duplicates among a million images: the time of one look, by how common its bands are."""

import statistics
import time
import uuid

from benchmarks.common import figure, heading, own_data

ROWS = 1_000_000
SKIES = 20  # every so many images has a plain top, which makes the first band 0
RUNS = 30
NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "
    "SELECT i, random() AS h FROM n",
    "postgresql": "SELECT i, ('x' || md5(i::text))::bit(64)::bigint AS h "
    "FROM generate_series(1, {rows}) AS i",
}
KEYS = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "gen_random_uuid()"}
BANDS = {f"band{number}": f"(h >> {48 - 16 * number}) & 65535" for number in range(4)}


def main() -> None:
    with own_data():
        fill()
        heading(f"Images like a given one, among {ROWS:,} (exact to 3 bits, and to 7)")
        for distance in (3, 7):
            figure(f"a usual picture, {distance} bits", f"{look(distance):.1f} ms")
            figure(
                f"a plain sky as in 1 of {SKIES} images, {distance} bits",
                f"{look(distance, sky=True):.1f} ms",
            )


def fill() -> None:
    """A million rows like one, each with a hash of its own. Other indexes are dropped first."""
    from django.db import connection

    from imagegen.models import ImageOutput

    with connection.schema_editor() as editor:
        for index in ImageOutput._meta.indexes:
            if not index.name.startswith("output_by_band"):
                editor.remove_index(ImageOutput, index)
    first = ImageOutput.objects.create(
        kind="generated", path="0", format="PNG", width=1, height=1, byte_size=1, dhash=0
    )
    own = {
        "id": f"i + {first.pk}",
        "uuid": KEYS[connection.vendor],
        "path": "CAST(i AS varchar(20))",
        "dhash": "h",
        **BANDS,
    }
    columns = [field.column for field in ImageOutput._meta.concrete_fields]
    values = ", ".join(own.get(name, f"o.{name}") for name in columns)
    numbers = NUMBERS[connection.vendor].format(rows=ROWS)
    plain = f"CASE WHEN i % {SKIES} = 0 THEN h & {(1 << 48) - 1} ELSE h END AS h"
    rows = f"(SELECT i, {plain} FROM ({numbers}) AS a) AS b"  # noqa: S608 - all our own words
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO imagegen_imageoutput ({', '.join(columns)}) "  # noqa: S608
            f"SELECT {values} FROM {rows}, imagegen_imageoutput AS o"
        )
        cursor.execute("ANALYZE imagegen_imageoutput")


def look(distance: int, *, sky: bool = False) -> float:
    """Milliseconds of one look, the median over different hashes."""
    from imagegen.services.alike import near

    times = []
    for _ in range(RUNS):
        wanted = uuid.uuid4().int & (1 << (48 if sky else 63)) - 1
        started = time.perf_counter()
        near(wanted, distance=distance)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


if __name__ == "__main__":
    main()
