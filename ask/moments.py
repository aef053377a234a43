"""Times in words: what `yesterday`, `since 14:00` or `2-4pm` are, given the clock and a zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal

from ask.question import NotUnderstood, TimeRange

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
RIGHT_NOW_MS: Final = 5 * 60_000
MINUTE_MS: Final = 60_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR: Final = 1970


@dataclass(frozen=True)
class Day:
    """A named day: so many days from today, a weekday (0 Monday), or a date.

    `before_today`: the weekday is the most recent one before today, else today counts. A date
    without a year is its most recent one.
    """

    offset: int | None = None
    weekday: int | None = None
    before_today: bool = False
    date: tuple[int | None, int, int] | None = None  # year, month, day


@dataclass(frozen=True)
class Moment:
    """A day, a part of a day [h, h), a time of day [ms], or several of them; or an instant."""

    day: Day | None = None
    part: tuple[int, int] | None = None
    clock: int | None = None
    stamp: datetime | None = None


@dataclass(frozen=True)
class Rolling:
    """The last so many milliseconds."""

    ms: int


@dataclass(frozen=True)
class Calendar:
    """This hour, day or week, or the last week."""

    unit: str
    back: int = 0


Border = Literal["since", "before", "after", "earlier than", "not earlier than"]


@dataclass(frozen=True)
class Bordered:
    """Before, since or after a moment or the start of a calendar unit."""

    border: Border
    moment: Moment | Calendar


@dataclass(frozen=True)
class Between:
    """From a moment to another; to now where `last` is None. `closed`: the end is in it."""

    first: Moment | Calendar
    last: Moment | Calendar | None
    closed: bool = False


When = Rolling | Calendar | Moment | Bordered | Between


def time_range(
    whens: Sequence[When], now: int, zone: tzinfo = UTC, inherited: Day | None = None
) -> TimeRange | None:
    """The instants that all of the expressions hold of; None without any.

    A day that is named alone is the day of every time of day beside it.

    Parameters
    ----------
    whens : sequence of When
        The expressions of a question.
    now : int
        The clock [epoch ms].
    zone : tzinfo
        In which days begin and times of day are meant.
    inherited : Day, optional
        The day of times that name none, such as that of the question for what it excludes.

    Raises
    ------
    NotUnderstood
        It lies in the future, or no instant is left.
    """
    reader = _Calendar(now, zone)
    whens, day = _with_their_day(whens, inherited)
    found: TimeRange | None = None
    for when in whens:
        own = reader.range_of(when, day)
        found = own if found is None else found.cut(own)
    if found is not None and not found.holds_any():
        raise NotUnderstood("no instant satisfies all of the times of the question")
    return found


def named_day(whens: Sequence[When]) -> Day | None:
    """The one day that stands alone or with a part of the day or a time."""
    days = {day for when in whens for day in _days(when)}
    return days.pop() if len(days) == 1 else None


def _days(when: When) -> list[Day]:
    match when:
        case Moment(day=Day() as day) | Bordered(moment=Moment(day=Day() as day)):
            return [day]
        case Between(first=first, last=last):
            return [m.day for m in (first, last) if isinstance(m, Moment) and m.day is not None]
    return []


def _with_their_day(whens: Sequence[When], inherited: Day | None) -> tuple[list[When], Day | None]:
    """Without the day that only says which day the times of day are of."""
    day = named_day(whens)
    timed = [when for when in whens if _needs_day(when)]
    if day is None or not timed:
        return list(whens), inherited if day is None else day
    return [when for when in whens if when != Moment(day=day)], day


def _needs_day(when: When) -> bool:
    """A time or part of a day without a day of its own."""
    match when:
        case Moment(day=None, stamp=None):
            return True
        case Bordered(moment=Moment(day=None, stamp=None)):
            return True
        case Between(first=Moment() as first, last=last):
            days = [m.day or m.stamp for m in (first, last) if isinstance(m, Moment)]
            return not any(days)
    return False


class _Calendar:
    """Reads expressions at one instant in one zone."""

    def __init__(self, now: int, zone: tzinfo) -> None:
        self.now = now
        self.zone = zone
        self.today = (_EPOCH + timedelta(milliseconds=now)).astimezone(zone).date()

    def range_of(self, when: When, day: Day | None) -> TimeRange:
        match when:
            case Rolling(ms):
                return TimeRange(max(0, self.now - ms), self.now, closed=True)
            case Calendar():
                return self._calendar(when)
            case Moment():
                return self._moment(when, day)
            case Bordered():
                return self._bordered(when, day)
            case Between():
                return self._between(when, day)

    def _calendar(self, when: Calendar) -> TimeRange:
        if when.unit == "day":
            return self._whole(self.today)
        if when.unit == "week":
            monday = self.today - timedelta(days=self.today.weekday() + 7 * when.back)
            return TimeRange(self._at(monday), self._at(monday + timedelta(days=7)))
        length = HOUR_MS if when.unit == "hour" else MINUTE_MS
        start = self.now // length * length
        return TimeRange(start, start + length)

    def _moment(self, when: Moment, day: Day | None) -> TimeRange:
        if when.stamp is not None:
            return self._minute_at(self._stamp(when.stamp))
        own = when.day or day
        if when.part is not None:
            return self._part(when.part, own)
        if when.clock is not None:
            on = self._date(own) if own else self._recent_day_of(when.clock)
            return self._minute_at(self._past(self._at(on, when.clock)))
        if own is None:
            raise NotUnderstood("a time without a day or an hour")
        return self._whole(self._date(own))

    def _minute_at(self, start: int) -> TimeRange:
        """A time of day names its minute; one with seconds its second."""
        length = MINUTE_MS if start % MINUTE_MS == 0 else 1_000 if start % 1_000 == 0 else 1
        return TimeRange(start, start + length)

    def _part(self, part: tuple[int, int], day: Day | None) -> TimeRange:
        first, last = (hour * HOUR_MS for hour in part)
        on = self._date(day) if day else self.today
        return TimeRange(self._at(on, first), self._at(on, last))

    def _bordered(self, when: Bordered, day: Day | None) -> TimeRange:
        moment = when.moment
        if isinstance(moment, Calendar):
            start = self._calendar(moment).start
            return {
                "since": TimeRange(start, self.now, closed=True),
                "before": TimeRange(None, start),
            }.get(when.border) or TimeRange(self._calendar(moment).end, None)
        if when.border == "since":
            return TimeRange(self._past(self._since(moment, day)), self.now, closed=True)
        if when.border in ("earlier than", "not earlier than"):
            instant = self._start(moment, self._day_or_today(day))
            before = when.border == "earlier than"
            return TimeRange(None, instant) if before else TimeRange(instant, None)
        return self._side_of(moment, day, before=when.border == "before")

    def _side_of(self, moment: Moment, day: Day | None, *, before: bool) -> TimeRange:
        """Before or after a time of day: of that day; before or after a day: all there is."""
        only_a_day = moment.clock is None and moment.part is None and moment.stamp is None
        if only_a_day:
            whole = self._whole(self._date(moment.day or Day(offset=0)))
            return TimeRange(None, whole.start) if before else TimeRange(whole.end, None)
        on = self._own_date(moment, self._day_or_today(day))
        if before:
            return TimeRange(self._at(on), self._start(moment, on))
        edge = self._at(on, moment.part[1] * HOUR_MS) if moment.part else self._start(moment, on)
        end = None if moment.stamp is not None else self._at(on + timedelta(days=1))
        return TimeRange(self._past(edge), end)

    def _since(self, moment: Moment, day: Day | None) -> int:
        if moment.clock is not None and moment.day is None and day is None:
            return self._at(self._recent_day_of(moment.clock), moment.clock)
        return self._start(moment, self._day_or_today(day))

    def _between(self, when: Between, day: Day | None) -> TimeRange:
        first, last = when.first, when.last
        if isinstance(first, Calendar) or isinstance(last, Calendar):
            starts = self.range_of(first, day)
            end = TimeRange(None, self.now, True) if last is None else self.range_of(last, day)
            return TimeRange(starts.start, end.end, end.closed)
        if last is None:
            return TimeRange(self._past(self._since(first, day)), self.now, closed=True)
        if first.day is None and first.stamp is None and last.day is not None:
            first = replace(first, day=last.day)  # between 2am and 3am yesterday
            last = replace(last, day=None) if last.clock is not None else last
        start_day = self._first_day(first, day)
        start = self._start(first, start_day)
        return self._past_range(
            TimeRange(start, self._end(last, start_day, start, when.closed), when.closed)
        )

    def _first_day(self, first: Moment, day: Day | None) -> date:
        if first.day is not None or first.stamp is not None or day is not None:
            return self._own_date(first, self._day_or_today(day))
        start = first.clock if first.clock is not None else (first.part or (0, 0))[0] * HOUR_MS
        return self._recent_day_of(start)

    def _end(self, last: Moment, start_day: date, start: int, closed: bool) -> int:
        only_a_day = last.clock is None and last.part is None and last.stamp is None
        on = self._own_date(last, start_day)
        if only_a_day and not closed:
            return self._at(on + timedelta(days=1))  # a day is in it as a whole
        end = self._at(on, last.part[1] * HOUR_MS) if last.part else self._start(last, on)
        if end <= start and last.day is None and last.stamp is None and not closed:
            return self._at(on + timedelta(days=1), last.clock or 0)  # 22:00 to 02:00
        return end

    def _start(self, moment: Moment, on: date) -> int:
        """The first instant of a moment, on that day where it names none."""
        if moment.stamp is not None:
            return self._stamp(moment.stamp)
        own = self._own_date(moment, on)
        hours = moment.part[0] * HOUR_MS if moment.part else 0
        return self._at(own, moment.clock if moment.clock is not None else hours)

    def _own_date(self, moment: Moment, otherwise: date) -> date:
        if moment.stamp is not None:
            return (
                (_EPOCH + timedelta(milliseconds=self._stamp(moment.stamp)))
                .astimezone(self.zone)
                .date()
            )
        return self._date(moment.day) if moment.day else otherwise

    def _day_or_today(self, day: Day | None) -> date:
        return self._date(day) if day else self.today

    def _recent_day_of(self, clock: int) -> date:
        """Today, or yesterday when that time of day is still to come."""
        return self.today if self._at(self.today, clock) <= self.now else self._yesterday()

    def _yesterday(self) -> date:
        return self.today - timedelta(days=1)

    def _date(self, day: Day) -> date:
        if day.offset is not None:
            return self.today + timedelta(days=day.offset)
        if day.weekday is not None:
            back = (self.today.weekday() - day.weekday) % 7
            return self.today - timedelta(days=back or (7 if day.before_today else 0))
        return self._calendar_date(day)

    def _calendar_date(self, day: Day) -> date:
        year, month, number = day.date or (None, 1, 1)
        years = [year] if year is not None else range(self.today.year, self.today.year - 9, -1)
        for candidate in years:
            try:
                found = date(candidate, month, number)
            except ValueError:
                continue
            if found > self.today and year is None:
                continue
            if found > self.today or found.year < _FIRST_YEAR:
                raise NotUnderstood(
                    f"{found} is not in the past; only what happened can be asked for", str(found)
                )
            return found
        raise NotUnderstood(f"there is no day {number} in month {month}", str(number))

    def _whole(self, day: date) -> TimeRange:
        return TimeRange(self._at(day), self._at(day + timedelta(days=1)))

    def _at(self, day: date, clock: int = 0) -> int:
        """The instant of a time of day, also where the clocks were changed on that day."""
        day += timedelta(days=clock // DAY_MS)
        local = datetime.combine(day, time(), self.zone) + timedelta(milliseconds=clock % DAY_MS)
        return (local.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)

    def _stamp(self, stamp: datetime) -> int:
        aware = stamp if stamp.tzinfo else stamp.replace(tzinfo=self.zone)
        return (aware - _EPOCH) // timedelta(milliseconds=1)

    def _past(self, instant: int) -> int:
        if instant > self.now:
            moment = (_EPOCH + timedelta(milliseconds=instant)).astimezone(self.zone)
            raise NotUnderstood(
                f"{moment:%Y-%m-%d %H:%M} is in the future; only what happened can be asked for"
            )
        return instant

    def _past_range(self, found: TimeRange) -> TimeRange:
        """What begins today is no future, even if it is still to come."""
        if (found.start or 0) >= self._at(self.today + timedelta(days=1)):
            self._past(found.start or 0)
        return found
