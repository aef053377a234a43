"""The list of alerts: what is wrong, where, since when, why, and what people made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dash import html

from components import cards, format
from components.icons import HIDDEN
from components.markup import Element, element, icon, link

Link = tuple[str, str | None]  # words, address
MOST_NAMED: Final = 3
MOST_BARS: Final = 40  # of a spark
FEWEST_BARS: Final = 12  # that it has room for
_GAP: Final = 0.22  # between bars, as a part of their distance
_FLOOR: Final = 0.06  # of the height of a spark, so that a minute without risk is seen as one
STATES: Final = {
    "open": "Open",
    "acknowledged": "Acknowledged",
    "false_alarm": "False alarm",
    "confirmed": "Confirmed",
}
ICONS: Final = {
    "acknowledge": "eye",
    "false_alarm": "bell-slash",
    "confirmed": "check2-circle",
    "undo": "arrow-counterclockwise",
}
WORDS: Final = {
    "acknowledge": "Acknowledge",
    "false_alarm": "False alarm",
    "confirmed": "Confirm",
    "undo": "Undo",
}
_HINTS: Final = {
    "acknowledge": "I have seen it and look after it",
    "false_alarm": "It is harmless: windows like these become quieter with the next training",
    "confirmed": "It is what it looks like",
    "undo": "Take back what was said last",
}


@dataclass(frozen=True)
class AlertCard:
    """An alert as the list shows it; times in epoch ms.

    `risks` has the risk of each minute, None where none was at risk. `share_simulated` is of calls.
    """

    id: int
    priority: str
    subject: str  # endpoint | client
    name: str
    href: str | None
    start: int
    end: int
    ongoing: bool
    began_earlier: bool
    windows: int
    risk: float
    risks: Sequence[float | None]
    why: str
    causes: Sequence[Link]
    suffering: int
    calls: int
    error_rate: float
    share_simulated: float
    state: str
    who: str | None
    at: int | None


def numbers(
    open_high: int,
    open_medium: int,
    acknowledged: int,
    false_alarms: int,
    confirmed: int,
    acknowledged_ms: int | None,
) -> list[html.Div]:
    """The counts above the list."""
    judged = false_alarms + confirmed
    share = format.percent(false_alarms / judged) if judged else ""
    return [
        cards.kpi("Open HIGH", format.number(open_high), icon="exclamation-octagon"),
        cards.kpi("Open MEDIUM", format.number(open_medium), icon="exclamation-triangle"),
        cards.kpi(
            "Acknowledged",
            format.number(acknowledged),
            icon="eye",
            note=""
            if acknowledged_ms is None
            else f"{format.duration(acknowledged_ms)} to acknowledge (median)",
        ),
        cards.kpi("Confirmed", format.number(confirmed), icon="check2-circle"),
        cards.kpi(
            "False alarms",
            format.number(false_alarms),
            icon="bell-slash",
            note=f"{share} of {format.number(judged)} judged" if judged else "none judged yet",
        ),
    ]


def alert_list(groups: Sequence[Sequence[AlertCard]], now: int) -> list[Element]:
    """Alerts in sections by state, in the order given; each group stands in a frame of its own."""
    sections: dict[str, list[Sequence[AlertCard]]] = {}
    for group in groups:
        sections.setdefault(_section(group[0].state), []).append(group)
    return [
        element(
            "Section",
            [element("H2", title), *(_group(group, now) for group in some)],
            className="alerts-section",
        )
        for title, some in sections.items()
    ]


def more_button(left: int) -> list[html.Button]:
    """Shows the next alerts; nothing when none are left."""
    if left <= 0:
        return []
    words = f"Show more ({format.plural(left, 'alert')} left)"
    return [html.Button(words, className="button", type="button", **{"data-alerts": "more"})]


def span_words(card: AlertCard, now: int) -> str:
    """`23:12 - 23:26 UTC`, `since 23:12 UTC`."""
    if card.ongoing:
        words = f"since {format.moment(card.start, now)}"
    else:
        words = format.span(card.start, card.end, now)
    return f"{words} or earlier" if card.began_earlier else words


def state_words(card: AlertCard, now: int) -> list[Element]:
    """Who said what when; nothing for an open one."""
    if card.state == "open" or card.at is None:
        return []
    who = format.shortened(card.who or format.MISSING, 24)
    since = {"data-since": str(card.at), "title": format.moment(card.at, now)}
    return [
        element("Span", STATES[card.state], className=f"said said-{card.state}"),
        element(
            "Span",
            [f"by {who}, ", element("Time", format.ago(card.at, now), **since)],
            className="said-by",
        ),
    ]


def actions(id: int, state: str, name: str, *, words: bool) -> list[Element]:
    """The buttons that make sense in a state; without `words` all but the first are icons."""
    offered = {
        "open": ("acknowledge", "confirmed", "false_alarm"),
        "acknowledged": ("undo", "confirmed", "false_alarm"),
    }.get(state, ("undo",))
    return [
        action(do, id, name, words=words or place == 0, main=do == "acknowledge")
        for place, do in enumerate(offered)
    ]


def action(
    do: str, id: int | None, name: str, *, words: bool = True, main: bool = False
) -> Element:
    """One button; `assets/alerts.js` tells the server. Without an id it is for what is chosen."""
    return element(
        "Button",
        [icon(ICONS[do]), WORDS[do]] if words else icon(ICONS[do]),
        className="act act-main" if main else "act" if words else "act act-icon",
        type="button",
        title=_HINTS[do],
        **{
            "aria-label": f"{WORDS[do]}: {name}",
            "data-act": do,
            "data-alert": "chosen" if id is None else str(id),
        },
    )


def spark(risks: Sequence[float | None], priority: str, room: int = FEWEST_BARS) -> Element:
    """Risk by minute as bars from 0 to 1, one element cut to shape; `room` is for how many bars."""
    bars = _bars(risks)
    step = 100 / max(len(bars), room)
    points = ["0% 100%"]
    for place, risk in enumerate(bars):
        top = 100 * (1 - max(risk or 0.0, _FLOOR))
        left, right = place * step, (place + 1 - _GAP) * step
        points += [f"{left:.1f}% 100%", f"{left:.1f}% {top:.0f}%"]
        points += [f"{right:.1f}% {top:.0f}%", f"{right:.1f}% 100%"]
    return element(
        "Div",
        style={"clipPath": f"polygon({', '.join([*points, '100% 100%'])})"},
        className=f"spark spark-{priority.lower()}",
        **HIDDEN,
    )


def _bars(risks: Sequence[float | None]) -> list[float | None]:
    """At most `MOST_BARS`: each is the highest of as many minutes."""
    width = -(-len(risks) // MOST_BARS)
    parts = [risks[at : at + width] for at in range(0, len(risks), width)]
    return [max((risk for risk in part if risk is not None), default=None) for part in parts]


def _section(state: str) -> str:
    return STATES[state] if state in ("open", "acknowledged") else "Judged"


def _group(group: Sequence[AlertCard], now: int) -> Element:
    label = {"aria-label": "At the same time" if len(group) > 1 else None}
    return element("Ul", [_row(card, now) for card in group], className="incidents", **label)


def _row(card: AlertCard, now: int) -> Element:
    return element(
        "Li",
        [
            element(
                "Div",
                [
                    element("Div", _title(card), className="incident-title"),
                    element("P", card.why, className="incident-why", title=card.why),
                    element("Div", _facts(card, now), className="incident-facts"),
                ],
                className="incident-main",
            ),
            element(
                "Div",
                [
                    spark(card.risks, card.priority),
                    _number("Risk ", format.score(card.risk), "", "incident-risk"),
                ],
                className="incident-spark",
            ),
            element(
                "Div",
                [
                    _number("", format.compact(card.calls), " calls"),
                    _number("", format.percent(card.error_rate), " errors"),
                ],
                className="incident-numbers",
            ),
            element("Div", _state(card, now), className="incident-state"),
        ],
        className=f"incident incident-{card.priority.lower()}",
        **{"data-incident": str(card.id)},
    )


def _title(card: AlertCard) -> list[Element]:
    name = format.shortened(card.name, 64)
    named = {"title": card.name, "className": "incident-name"}
    found = [
        element("Span", card.priority, className=f"pill pill-{card.priority.lower()}"),
        icon("person" if card.subject == "client" else "hdd-network"),
        link(name, card.href, **named) if card.href else element("Span", name, **named),
    ]
    if card.ongoing:
        mark = element("Span", className="status-dot", **HIDDEN)
        found.append(element("Span", [mark, "Ongoing"], className="incident-ongoing"))
    return [*found, *simulated_tag(card.share_simulated)]


def simulated_tag(share: float) -> list[Element]:
    """Says that calls are simulated; nothing where none is."""
    if not share:
        return []
    title = "Simulated calls" if share >= 1 else f"{format.percent(share)} of its calls"
    return [element("Span", "simulated", className="tag tag-simulated", title=title)]


def _facts(card: AlertCard, now: int) -> list[Element]:
    duration = format.duration(card.end - card.start)
    count = format.plural(card.windows, "window")
    facts = [element("Span", f"{span_words(card, now)} · {duration} · {count}")]
    if card.causes:
        facts.append(element("Span", ["because of ", *linked(card.causes, MOST_NAMED)]))
    if card.suffering:
        verb = "suffers" if card.suffering == 1 else "suffer"
        facts.append(
            element(
                "Button",
                [icon("people"), f"{format.plural(card.suffering, 'client')} {verb}"],
                className="incident-suffer",
                type="button",
                **{"data-open": str(card.id)},
            )
        )
    return facts


def linked(names: Sequence[Link], most: int) -> list[Any]:
    """Names with commas, those beyond `most` as a number."""
    found: list[Any] = []
    for words, href in names[:most]:
        short = format.shortened(words, 40)
        found += [", "] if found else []
        found.append(link(short, href, title=words) if href else short)
    left = len(names) - most
    return [*found, f" and {left} more"] if left > 0 else found


def _number(before: str, number: str, after: str, name: str | None = None) -> Element:
    return element("Span", [before, element("Strong", number), after], className=name)


def _state(card: AlertCard, now: int) -> list[Element]:
    details = element(
        "Button",
        icon("chevron-right"),
        className="icon-button",
        type="button",
        title="Show its windows",
        **{
            "aria-label": f"Details of {card.name}",
            "aria-haspopup": "dialog",
            "data-open": str(card.id),
        },
    )
    buttons = [*actions(card.id, card.state, card.name, words=False), details]
    return [
        element("Div", state_words(card, now), className="incident-said"),
        element("Div", buttons, className="incident-actions"),
    ]
