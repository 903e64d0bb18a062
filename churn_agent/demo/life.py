"""The life of an account of a supplier of software, week by week.

Each account has the hidden state of `state`, a contract and people. What a reader can see follows from the state:
messages and answers, weekly usage (from need), bills and late payments (from pressure), scores of surveys and notes of
calls (from satisfaction), seats. The weekly hazard of giving notice depends on the state, and under a yearly contract
nearly all of it lies in the weeks before the last day for notice. Somebody who has decided says so in words, or gives
notice in the portal alone. Some accounts hardly ever write: they leave in silence, after usage has fallen with their
need. Those whose contract has ended are former customers. A few take their notice back.
"""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from churn_agent.demo.letters import TO_THE_OWNER, Correspondent, Person, written
from churn_agent.demo.state import AS_OF, END, MOST_WEEKS, WEEKS_AHEAD, DemoCustomer, Event, Measured, State, unit

_YEARLY_SHARE, _MONTHLY_NOTICE_DAYS = 0.75, 30
_NOTICES = {"1 month": 30, "2 months": 61, "3 months": 91}
_DECIDING_DAYS = 56
"""Days before the last day for notice in which accounts under a yearly contract decide."""
_NEAR, _FAR, _ANY_TIME = 0.8, 0.01, 0.08
"""Factors of the hazard in these days, in the others, and under a contract by the month."""
_QUIET_SHARE, _QUIET, _TALKATIVE = 0.3, 0.1, 0.45
"""Share of quiet accounts, and the share of their messages that quiet and other accounts write."""
_IN_WORDS, _TAKEN_BACK = 0.7, 0.12
"""Shares of those who give notice in words, and of those who take it back."""
_FORMER_SHARE = 0.4
"""Share of former customers who are still in the data."""
_SHORTEST_WEEKS = 20
"""Shortest history of somebody who has given notice."""
_ANSWERED = 0.6
"""Share of messages that the company answers."""
_CHANNELS = ("email", "email", "email", "ticket", "ticket", "chat", "chat", "call")


class Account:
    """The life of one account."""

    def __init__(self, customer_id: str, rng: random.Random, *, bereaved: bool) -> None:
        self._rng = rng
        self._bereaved = bereaved
        self._pen = Correspondent(rng)
        self._state = State.draw(rng)
        self._events: list[Event] = []
        self._measured: list[Measured] = []
        self._contact = self._pen.people[0]
        self._talks = _QUIET if rng.random() < _QUIET_SHARE else _TALKATIVE
        self._weeks = rng.randrange(10, MOST_WEEKS)
        self._price_rise = rng.randrange(MOST_WEEKS)
        self._pays_after = rng.gauss(10, 4) + (9 if rng.random() < 0.1 else 0)
        self._plan = rng.choice(list(self._pen.texts.plans))
        self._seats = max(3, round(rng.lognormvariate(2.7, 0.7)))
        self._seat_price = self._pen.texts.plans[self._plan]
        self._survey_at, self._call_at = rng.randrange(13), rng.randrange(16)
        self._yearly = rng.random() < _YEARLY_SHARE
        self._notice = rng.choice(list(_NOTICES)) if self._yearly else "1 month"
        self._term_starts = AS_OF - timedelta(days=7 * self._weeks + 365 * rng.randrange(4) + rng.randrange(30))
        self._customer = DemoCustomer(customer_id, self._pen.language, {})

    def live(self) -> DemoCustomer | None:
        """Returns the account with its history; None if it has left and is not in the data any more."""
        customer, rng, state = self._customer, self._rng, self._state
        for week in range(self._weeks, -WEEKS_AHEAD, -1):
            monday = AS_OF - timedelta(days=7 * week - 1)
            if customer.left_on and customer.left_on <= monday:
                break
            state.drift(rng)
            if week == self._price_rise:
                state.pressure = unit(state.pressure + 0.3)
                self._seat_price *= 1.08
            if rng.random() < 0.006:  # a project ends, or a pilot of a rival begins
                state.need = unit(state.need - 0.3)
            decides = customer.notice_on is None and rng.random() < state.hazard * self._eagerness(monday)
            if decides:
                self._give_notice(monday, may_write=week > 0)
            if week > 0:
                self._week(monday, week)
        if customer.left_on and customer.left_on <= AS_OF and not self._stays_in_the_data():
            return None
        if self._bereaved:
            self._say("care", AS_OF - timedelta(days=9), "email")
        customer.events = sorted((event for event in self._events if event.at <= END), key=lambda event: event.at)
        customer.measurements = self._measured
        customer.attributes = self._attributes()
        return customer

    def _stays_in_the_data(self) -> bool:
        notice = self._customer.notice_on
        first = AS_OF - timedelta(days=7 * self._weeks)
        assert notice
        return self._rng.random() < _FORMER_SHARE and (notice - first).days >= 7 * _SHORTEST_WEEKS

    # --- the contract

    @property
    def _notice_days(self) -> int:
        return _NOTICES[self._notice] if self._yearly else _MONTHLY_NOTICE_DAYS

    def _renewal_after(self, day: date) -> date:
        """The next end of a term from a day on."""
        if not self._yearly:
            return _first_of_next_month(day)
        start = self._term_starts
        ends = (start + timedelta(days=365 * years) for years in range(1, 9))
        return next(end for end in ends if end > day)

    def _eagerness(self, monday: date) -> float:
        """The factor of the hazard in a week."""
        if self._bereaved:
            return 0.0
        if not self._yearly:
            return _ANY_TIME
        left = (self._renewal_after(monday) - monday).days - self._notice_days
        return _NEAR if 0 <= left <= _DECIDING_DAYS else _FAR

    def _give_notice(self, monday: date, *, may_write: bool) -> None:
        """Gives notice for the end of the term, in words or in the portal alone."""
        customer = self._customer
        customer.notice_on = monday + timedelta(days=self._rng.randrange(5))
        customer.left_on = self._renewal_after(customer.notice_on + timedelta(days=self._notice_days))
        customer.churned = True
        if may_write and self._rng.random() < _IN_WORDS:
            self._say("notice", customer.notice_on, "email")
            later = customer.notice_on + timedelta(days=self._rng.randrange(9, 20))
            if later < AS_OF and self._rng.random() < _TAKEN_BACK:
                self._say("retraction", later, "email")
                customer.notice_on, customer.left_on, customer.churned = None, None, False
                self._state.satisfaction = unit(self._state.satisfaction + 0.4)

    def _attributes(self) -> dict[str, str]:
        day = self._customer.left_on or AS_OF
        renewal = self._customer.left_on or self._renewal_after(AS_OF)
        return {
            "name": self._pen.account,
            "owner": self._pen.owner,
            "contact": self._contact.name,
            "industry": self._pen.trade,
            "country": self._pen.country,
            "plan": self._plan,
            "seats": str(self._seats),
            "monthly_value": f"{self._price:.0f}",
            "contract": "12 months" if self._yearly else "monthly",
            "notice_period": self._notice,
            "renewal_date": renewal.isoformat(),
            "customer_since": min(self._term_starts, day).isoformat(),
            "may_call": "no" if self._rng.random() < 0.03 else "yes",
            "known_from": (AS_OF - timedelta(days=7 * self._weeks)).isoformat(),
        }

    @property
    def _price(self) -> float:
        return self._seats * self._seat_price

    # --- a week

    def _week(self, monday: date, week: int) -> None:
        state, rng = self._state, self._rng
        leaving = self._customer.left_on is not None
        self._use(monday)
        if monday.day <= 7:
            self._bill(monday)
            self._newsletter(monday)
        if week % 16 == self._call_at and not leaving:
            self._check_in(monday)
        if week % 13 == self._survey_at and not leaving and rng.random() < 0.6:
            self._survey(monday)
        if leaving:
            if rng.random() < 0.08 * self._talks:
                self._say("winding_down", monday + timedelta(days=rng.randrange(5)))
            list(state.themes(rng))  # the state moves on, but hardly anybody writes about it
            return
        if rng.random() < 0.006:
            self._change_contact(monday)
        if rng.random() < 0.02 * state.need:
            self._write("wish", monday)
        for theme in state.themes(rng):
            if theme == "growth":
                self._seats += rng.randrange(1, 4)
            elif theme == "fading":
                self._seats = max(3, round(self._seats * rng.uniform(0.75, 1)))
            self._write(theme, monday)

    def _write(self, theme: str, monday: date) -> None:
        """Says something some time in a week, unless the account is too quiet for it."""
        if self._rng.random() < self._talks:
            self._say(theme, monday + timedelta(days=self._rng.randrange(5)))

    def _use(self, monday: date) -> None:
        rng, state, seats = self._rng, self._state, self._seats
        share = 0.15 + 0.8 * state.need
        notice, left = self._customer.notice_on, self._customer.left_on
        if notice and left and monday >= notice:
            share *= max(0.0, (left - monday).days / max((left - notice).days, 1))
        active = min(seats, max(0, round(seats * share + rng.gauss(0, 0.06 * seats))))
        logins = max(0, round(active * 4.2 + rng.gauss(0, 1.5 * (active**0.5)))) if active else 0
        jobs = round(logins * rng.uniform(0.9, 1.3))
        values = {"logins": logins, "jobs_planned": jobs, "active_people": active, "seats": seats}
        self._measured.append(Measured(monday, values))

    def _bill(self, monday: date) -> None:
        late = self._pays_after + 45 * max(0.0, self._state.pressure - 0.6) + self._rng.gauss(0, 3)
        due, paid = monday + timedelta(days=14), monday + timedelta(days=max(1, round(late)))
        number = f"{monday:%y%m}-{self._customer.customer_id.removeprefix('c-')}"
        slots = {"plan": self._plan, "seats": str(self._seats), "number": number}
        text = self._pen.fill(self._pen.texts.bill, self._contact, slots)
        bill = Event(_at(monday, 6), "invoice", text, "outbound", amount=round(self._price, 2), due=due)
        self._events.append(replace(bill, paid=paid if paid <= AS_OF else None))

    def _newsletter(self, monday: date) -> None:
        issues = self._pen.texts.newsletters[self._pen.language]
        text = issues[(monday.year * 12 + monday.month) % len(issues)]
        day = monday + timedelta(days=1)
        author = f"{self._pen.texts.company} News"
        self._events.append(Event(_at(day, 9), "newsletter", text, "outbound", author, speaker="machine"))

    def _check_in(self, monday: date) -> None:
        renewal = self._renewal_after(monday)
        mood = self._state.satisfaction + self._rng.gauss(0, 0.12)
        kind = "good" if mood > 0.6 else "middling" if mood > 0.4 else "bad"
        if self._yearly and (renewal - monday).days < 120 and self._rng.random() < 0.5:
            kind = "renewal"
        slots = {"renewal": written(renewal, "en"), "on": monday.isoformat()}
        text = self._pen.note(self._pen.texts.check_ins[kind], self._contact, slots)
        at = self._moment(monday + timedelta(days=self._rng.randrange(5)))
        self._events.append(Event(at, "call", text, "outbound", self._pen.owner, speaker="company"))

    def _survey(self, monday: date) -> None:
        score = round(10 * unit(self._state.satisfaction + self._rng.gauss(0.05, 0.1)))
        self._measured[-1].values["nps"] = score
        kind = "good" if score > 8 else "middling" if score > 5 else "bad"
        if self._rng.random() < self._talks:
            self._say(f"survey_{kind}", monday + timedelta(days=self._rng.randrange(5)), "survey")

    def _change_contact(self, monday: date) -> None:
        former, self._contact = self._contact, self._pen.people[3]
        if former == self._contact:
            return
        self._state.satisfaction = unit(self._state.satisfaction - 0.1)
        self._state.need = unit(self._state.need - 0.15)
        if self._rng.random() < self._talks:
            self._say("contact_left", monday + timedelta(days=1), "email", former=former)

    # --- words

    def _say(self, theme: str, day: date, channel: str | None = None, *, former: Person | None = None) -> None:
        """Adds a message of the account, with the opening of its chat or the note of its call, and an answer."""
        rng, pen = self._rng, self._pen
        channel = channel or rng.choice(_CHANNELS)
        person = self._contact if rng.random() < 0.75 or theme in TO_THE_OWNER else pen.people[rng.randrange(1, 3)]
        end = self._customer.left_on or self._renewal_after(day)
        slots = {
            "amount": f"{self._price:,.0f} euros" if pen.language == "en" else f"{self._price:.0f} Euro",
            "seats": str(self._seats),
            "notice": self._notice,
            "end": written(end, "en"),
            "end_de": written(end, "de"),
            "former": former.name if former else "",
            "on": day.isoformat(),
        }
        staff = pen.owner if theme in TO_THE_OWNER else rng.choice(pen.texts.support)
        at = self._moment(day)
        if channel == "chat" and theme not in TO_THE_OWNER and rng.random() < 0.5:
            line, answer = pen.opening(person, staff)
            self._events.append(Event(at, "chat", line, "inbound", person.name, theme="greeting"))
            self._events.append(Event(at + timedelta(minutes=1), "chat", answer, "outbound", staff))
            at += timedelta(minutes=3)
        elif channel == "call":
            note = pen.note(pen.texts.call_notes["any"], person, slots)
            self._events.append(Event(at, "call", note, "inbound", staff, speaker="company"))
        text, answer = pen.message(theme, channel, person, slots, staff=staff)
        self._events.append(Event(at, channel, text, "inbound", person.name, theme=theme))
        if answer and channel != "survey" and rng.random() < _ANSWERED:
            through = "email" if channel == "call" else channel
            later = (
                at + timedelta(minutes=6) if channel == "chat" else self._moment(_working_day(day, rng.randrange(1, 3)))
            )
            self._events.append(Event(later, through, answer, "outbound", staff))

    def _moment(self, day: date) -> datetime:
        return _at(day, self._rng.randrange(7, 18), self._rng.randrange(60))


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), UTC)


def _first_of_next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _working_day(day: date, later: int) -> date:
    """The day that is so many days later, or the Monday after it."""
    day += timedelta(days=later)
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() > 4 else day
