"""Numbers that are asked for, and comparisons of how many."""

from __future__ import annotations

from ask import lexicon
from ask.columns import WINDOW_MEASURES, Columns, label
from ask.lexicon import COUNT, PAYLOAD, RESPONSE_TIME, Noun
from ask.parts import CountOf, Filter, Parts, is_entity, kind_of
from ask.phrases import ByMeasure, Column, Grouped, Limited, Measures
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
    averages = [at for at in range(len(parts)) if _is_of_groups(parts, columns, at)]
    if len(counts) + len(averages) > 1:
        raise NotUnderstood("one comparison of a count or average at a time")
    if averages:
        parts.compared.add(averages[0])
        found: Filter = parts.value(averages[0])
        condition = found.condition
        said = found.measures or _measures_before(parts, averages[0])
        measure = columns.measure(said[0], condition.column)
        return Having(measure, condition.operator, condition.values)
    return _count_having(parts, columns, counts[0]) if counts else None


def _is_of_groups(parts: Parts, columns: Columns, at: int) -> bool:
    """`average latency over 2 s`, said of clients or `per endpoint`, not of single rows."""
    value = parts.value(at)
    if not isinstance(value, Filter):
        return False
    if parts.parts[at].joined == "KEEPING":
        return bool(value.measures)
    if not value.measures:
        said_before = isinstance(parts.value(at - 1), Grouped | ByMeasure)
        bare = not parts.parts[at].joined and said_before
        return bare and bool(_measures_before(parts, at))
    in_windows = value.condition.column in WINDOW_MEASURES and parts.head() is not None
    return in_windows if columns.windowed else True


def _measures_before(parts: Parts, at: int) -> tuple[Measure, ...]:
    """What is computed of the same column: average latency per endpoint over 300 ms."""
    column = parts.value(at).condition.column
    if parts.value(at).valued:
        return ()
    named = [part.value for part in parts.of(Measures)]
    named += [p.value.by for p in parts.of(ByMeasure) if isinstance(p.value.by, Measures)]
    for measures in named:
        if (measures.column.name if measures.column else RESPONSE_TIME) == column:
            return tuple(measures.measures)
    return ()


def _count_having(parts: Parts, columns: Columns, at: int) -> Having | None:
    parts.used.add(at)
    count: CountOf = parts.value(at)
    if count.operator == "<=" and parts.head() is None and not _is_grouped(parts):
        parts.put(at, Limited(int(count.values[0])))  # up to 200 errors
        return None
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
        case Noun(kind="payloads") if _is_grouped(parts):
            parts.notes.append("Took payload size as its average.")
            return [columns.measure(Measure("average"), PAYLOAD)]
        case Measures(measures, column):
            name = column.name if column else RESPONSE_TIME
            return [columns.measure(measure, name) for measure in measures]
        case Column(distinct=str() as entity):
            more = _joined_entities(parts, at)
            return [columns.measure(Measure("distinct"), name) for name in (entity, *more)]
    kind = kind_of(value)
    if kind == "COLUMN" or (kind == "RISK" and _is_grouped(parts)):
        name = "risk_score" if kind == "RISK" else str(value.value)
        return [_bare(parts, columns, at, name)]
    if kind == "VOLUME":
        return [COUNT]
    if kind == "COUNT":
        return _count(parts, columns, at)
    if kind == "DATA":
        return [columns.measure(Measure("sum"), PAYLOAD)]
    return [COUNT] if kind == "TOTAL" else []


def _joined_entities(parts: Parts, at: int) -> list[str]:
    """`unique users and IPs`: the IPs are counted, too."""
    found: list[str] = []
    for place in range(at + 1, len(parts)):
        noun = parts.value(place)
        if not is_entity(noun) or not parts.parts[place].joined:
            break
        parts.counted.add(place)
        found.append(str(noun.column))
    return found


def _count(parts: Parts, columns: Columns, at: int) -> list[Measure]:
    """How many: of rows, or of different entities; nothing where what follows says it."""
    parts.used.add(at)
    head = parts.head_after(at)
    if isinstance(head, Column | Measures):
        follows = parts.parts[at + 1]
        return [COUNT] if follows.joined and isinstance(follows.value, Measures) else []
    if head is None and is_entity(parts.value(at - 1)):
        head = parts.value(at - 1)  # client count
    if not is_entity(head):
        return [COUNT]
    place = next(i for i in range(len(parts)) if parts.value(i) is head)
    named = [str(noun.column) for noun in parts.heads(place)]
    return [columns.measure(Measure("distinct"), column) for column in named]


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
    parts.notes.append(f"Took {label(name)} as its average.")
    return columns.measure(Measure("average"), name)


def _is_grouped(parts: Parts) -> bool:
    return bool(parts.of(Grouped) or parts.words("TREND", "BUCKET"))
