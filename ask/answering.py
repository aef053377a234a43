"""What is asked for of the rows of a question: rows, a number, groups or a ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ask.columns import Columns
from ask.lexicon import COUNT, Noun
from ask.measures import counted_entity, measures_of
from ask.ordering import order_of, ordered_groups, ordered_rows
from ask.parts import ENTITIES, Parts
from ask.phrases import Limited
from ask.question import (
    HARD_LIMIT,
    ROW_LIMIT,
    Having,
    Key,
    Measure,
    NotUnderstood,
    Order,
    Question,
)
from ask.ranking import Ranking

PLURAL_LIMIT: Final = 10  # lines of a superlative without a number


@dataclass
class Asked:
    """Rows, a number, groups or a ranking: what is asked for of the rows of a question."""

    parts: Parts
    columns: Columns
    rows: Question
    keys: tuple[Key, ...]
    having: Having | None
    ranking: Ranking | None

    def question(self) -> Question:
        limit = self._limit()
        entity = self.parts.head()
        if self.ranking is not None:
            return self._ranked(self.ranking, limit, entity)
        counted = counted_entity(self.parts)
        measures = measures_of(self.parts, self.columns)
        order = order_of(self.parts, self.columns)
        if self.having is not None and not self.keys and counted is not None:
            found = self._grouped((COUNT,), (self.columns.key(str(counted.column)),), None)
            return replace(found, count_groups=True)
        keys = self.keys
        if entity is not None and self._is_by_entity(measures, order, entity):
            keys = tuple(dict.fromkeys((*self._entity_keys(), *self.keys)))
        if self.having is not None:
            measures = measures or self._compared(keys)
        if entity is not None and not entity.plural and not keys and _is_extreme(measures):
            down = measures[0].how == "maximum"  # which endpoint had the max payload
            found = self._grouped(measures[:1], self._entity_keys(), 1)
            return replace(found, order=Order(None, down))
        if measures or keys:
            return ordered_groups(self._grouped(measures or (COUNT,), keys, limit), order)
        return replace(self.rows, order=ordered_rows(order), limit=limit or ROW_LIMIT)

    def _is_by_entity(
        self, measures: tuple[Measure, ...], order: Order | None, entity: Noun
    ) -> bool:
        """`which IPs got 401`: one line each; windows are rows unless they are counted."""
        if self.having is not None:
            return True
        if self.keys or self.columns.windowed:
            return False
        of_each = entity.plural and all(m.how not in ("count", "distinct") for m in measures)
        head, counts = self.parts.head_place() or 0, self.parts.words("COUNT")
        counted_after = bool(counts) and head < counts[0]  # users with their number of requests
        return not measures or order is not None or of_each or counted_after

    def _entity_keys(self) -> tuple[Key, ...]:
        """The entity that is asked for, or several: endpoint and method."""
        place = self.parts.head_place()
        heads = self.parts.heads(place) if place is not None else []
        return tuple(self.columns.key(str(noun.column)) for noun in heads)

    def _compared(self, keys: tuple[Key, ...]) -> tuple[Measure, ...]:
        """What groups are compared by is shown."""
        if not keys or self.having is None:
            raise NotUnderstood(
                "a comparison of counts needs whose; ask for clients with more than so many calls"
            )
        is_count = self.having.measure.how in ("count", "distinct")
        return () if is_count else (self.having.measure,)

    def _ranked(self, ranking: Ranking, limit: int | None, entity: Noun | None) -> Question:
        order = order_of(self.parts, self.columns)
        if self.keys and entity is None:
            return self._ranked_groups(ranking, limit)
        measures = measures_of(self.parts, self.columns)
        if ranking.noun is not None and ranking.noun.kind in ENTITIES:
            entity = ranking.noun
        if ranking.of_rows or entity is None:
            found = self._ranked_rows(ranking, limit)
            is_ordered = order is not None and found.shape == "rows"
            return replace(found, order=ordered_rows(order)) if is_ordered else found
        if ranking.said and ranking.measure is not None:
            measures = tuple(dict.fromkeys((ranking.measure, *measures)))
        elif not measures and ranking.measure is not None:
            measures = (ranking.measure,)
        if not measures:
            raise NotUnderstood(f"by what are they compared in {ranking.text!r}?", ranking.text)
        keys = tuple(dict.fromkeys((*self.keys, *self._ranked_keys(entity))))
        if len(keys) > len(self._ranked_keys(entity)):
            raise NotUnderstood(
                f"{ranking.text!r} within each group can't be answered; ask for one group",
                ranking.text,
            )
        usual = PLURAL_LIMIT if entity.plural else 1
        number = ranking.number or limit or (HARD_LIMIT if ranking.all_of_them else usual)
        found = self._grouped(measures, keys, number)
        down = ranking.descending if order is None else order.descending
        return replace(found, order=Order(None, down))

    def _ranked_keys(self, entity: Noun) -> tuple[Key, ...]:
        keys = self._entity_keys()
        own = self.columns.key(str(entity.column))
        return keys if own in keys else (own,)

    def _ranked_groups(self, ranking: Ranking, limit: int | None) -> Question:
        """`largest payload per client`: the extreme of each group."""
        measure = ranking.measure
        named = ranking.noun is not None and ranking.of_rows
        if named and ranking.column is not None:
            several = ranking.number is not None or ranking.plural
            if ranking.column == "timestamp" or several:
                raise NotUnderstood(
                    f"{ranking.text!r} within each group can't be answered; ask for one group",
                    ranking.text,
                )
            how = Measure("maximum" if ranking.descending else "minimum")
            measure = self.columns.measure(how, ranking.column)
        if measure is None:
            raise NotUnderstood(f"of what is {ranking.text!r} said?", ranking.text)
        found = self._grouped((measure,), self.keys, ranking.number or limit)
        return replace(found, order=Order(None, ranking.descending))

    def _ranked_rows(self, ranking: Ranking, limit: int | None) -> Question:
        """The slowest calls; the highest response time, where no rows are named."""
        if ranking.column is None:
            if ranking.measure is None:
                raise NotUnderstood(f"of what is {ranking.text!r} said?", ranking.text)
            return self._grouped((ranking.measure,), (), limit)
        several = ROW_LIMIT if ranking.open else PLURAL_LIMIT
        number = ranking.number or limit or (several if ranking.plural else 1)
        order = Order(self.columns.column(ranking.column), ranking.descending)
        return replace(self.rows, order=order, limit=min(number, HARD_LIMIT))

    def _grouped(
        self, measures: tuple[Measure, ...], keys: tuple[Key, ...], limit: int | None
    ) -> Question:
        """Groups by their measure, the largest first; times in their order."""
        series = bool(keys) and keys[0].bucket is not None
        return replace(
            self.rows,
            measures=measures,
            keys=keys,
            having=self.having,
            order=Order("timestamp", False) if series else Order(None),
            limit=min(limit or HARD_LIMIT, HARD_LIMIT) if keys else HARD_LIMIT,
        )

    def _limit(self) -> int | None:
        """How many lines are asked for; "all" is as many as there may be."""
        given: set[int] = {part.value.number for part in self.parts.use(Limited)}
        if len(given) > 1:
            raise NotUnderstood("two different limits; give one")
        everything = self.parts.use_words("ALL", "EVERY")
        if not given:
            return HARD_LIMIT if everything else None
        number = given.pop()
        if number > HARD_LIMIT:
            self.parts.notes.append(f"At most {HARD_LIMIT} lines are given.")
        return min(number, HARD_LIMIT)


def _is_extreme(measures: Sequence[Measure]) -> bool:
    return bool(measures) and measures[0].how in ("maximum", "minimum")
