"""Numbers that are asked for, and comparisons of how many."""

from __future__ import annotations

from ask import lexicon
from ask.columns import Columns
from ask.lexicon import COUNT, PAYLOAD, RESPONSE_TIME, Noun
from ask.parts import CountOf, Filter, Parts, is_entity, kind_of
from ask.phrases import Column, Grouped, Measures
from ask.question import Condition, Having, Measure, NotUnderstood


def measures_of(parts: Parts, columns: Columns) -> tuple[Measure, ...]:
    """All numbers that are asked for, in their order."""
    found: list[Measure] = []
    for at in range(len(parts)):
        if at not in parts.used:
            measured = _measured(parts, columns, at)
            if measured:
                parts.used.add(at)
            found += measured or ()
    return tuple(dict.fromkeys(found))


def counted_entity(parts: Parts) -> Noun | None:
    """The entity of `how many users`; None where rows are counted or nothing is."""
    counts = parts.words("COUNT")
    head = parts.head_after(counts[0]) if counts else None
    return head if is_entity(head) else None


def having_of(parts: Parts, columns: Columns) -> Having | None:
    """`with more than 5 requests`: a count of each group, but of one window's calls its column.

    `with average response time over 2 s` is said of groups of calls, too.
    """
    counts = [at for at, part in enumerate(parts.parts) if isinstance(part.value, CountOf)]
    averages = [] if columns.windowed else [p for p in parts.of(Filter) if p.value.measures]
    if len(counts) + len(averages) > 1:
        raise NotUnderstood("one comparison of a count or average at a time")
    if averages:
        condition = averages[0].value.condition
        measure = columns.measure(averages[0].value.measures[0], condition.column)
        return Having(measure, condition.operator, condition.values)
    return _count_having(parts, columns, counts[0]) if counts else None


def _count_having(parts: Parts, columns: Columns, at: int) -> Having | None:
    parts.used.add(at)
    count: CountOf = parts.value(at)
    place = parts.thing_after(at)
    thing = parts.value(place) if place is not None else None
    if not is_entity(thing):
        if columns.windowed and isinstance(thing, Noun) and thing.kind == "calls":
            condition = Condition("req_count", count.operator, count.values)
            parts.put(at, Filter(condition, window=True, valued=False))
            return None
        return Having(COUNT, count.operator, count.values)
    if columns.windowed:
        text = parts.parts[at].text
        raise NotUnderstood(f"windows can't be compared by {text!r}", text)
    parts.counted.add(place or 0)
    measure = columns.measure(Measure("distinct"), str(thing and thing.column))
    return Having(measure, count.operator, count.values)


def _measured(parts: Parts, columns: Columns, at: int) -> list[Measure]:
    """The measures that one part asks for."""
    value = parts.value(at)
    match value:
        case Measures(measures, column):
            name = column.name if column else RESPONSE_TIME
            return [columns.measure(measure, name) for measure in measures]
        case Column(distinct=str() as entity):
            return [columns.measure(Measure("distinct"), entity)]
    kind = kind_of(value)
    if kind == "COLUMN" or (kind == "RISK" and _is_grouped(parts)):
        name = "risk_score" if kind == "RISK" else str(value.value)
        return [_bare(parts, columns, at, name)]
    if kind in ("COUNT", "VOLUME"):
        return _count(parts, columns, at)
    if kind == "DATA":
        return [columns.measure(Measure("sum"), PAYLOAD)]
    return [COUNT] if kind == "TOTAL" else []


def _count(parts: Parts, columns: Columns, at: int) -> list[Measure]:
    """How many: of rows, or of different entities; nothing where what follows says it."""
    parts.used.add(at)
    head = parts.head_after(at)
    if isinstance(head, Column | Measures):
        return []
    if head is None and is_entity(parts.value(at - 1)):
        head = parts.value(at - 1)  # client count
    if is_entity(head):
        return [columns.measure(Measure("distinct"), str(head.column))]
    return [COUNT]


def _bare(parts: Parts, columns: Columns, at: int, name: str) -> Measure:
    """`error rate by method`; of another column the average, which is said."""
    text = parts.parts[at].text
    if name == "error_rate":
        if columns.windowed:
            raise NotUnderstood(
                "the error rate is of calls, but the rest of windows; ask for the average "
                "error rate of windows",
                text,
            )
        return lexicon.ERROR_RATE
    if name == "timestamp" or not _is_grouped(parts):
        raise NotUnderstood(
            f"what of {text!r}? compare it with a number, or ask for its average", text
        )
    parts.notes.append(f"Took {name.replace('_', ' ')} as its average.")
    return columns.measure(Measure("average"), name)


def _is_grouped(parts: Parts) -> bool:
    return bool(parts.of(Grouped) or parts.words("TREND", "BUCKET"))
