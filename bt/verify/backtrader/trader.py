"""The strategy that Backtrader runs: a run's signals as Backtrader's orders, whatever our own engine made of them.

It decides at each open with what was known at the closes before (`cheat_on_open`): exits, then entries by score. Stop
and target are orders that cancel one another, placed when the entry has filled: they act from the next bar on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from backtrader import Order, Strategy

from bt.verify.backtrader.places import Held, Waiting, in_turn, levels_of, places_of, snapshot
from bt.verify.backtrader.sizing import Purse

if TYPE_CHECKING:
    from datetime import datetime

    from bt.verify.backtrader.places import Place, Said
    from bt.verify.case import Case

_ALL: Final = 1e12  # base; how much an entry asks for: what it gets is said when it fills


class Trader(Strategy):  # type: ignore[misc]
    """Trade the signals of a case."""

    params = (("case", None),)

    def __init__(self) -> None:
        self.case: Case = self.p.case
        self.terms = self.case.terms
        self.places = places_of(self.case, self.datas)
        self.of = {place.data: place for place in self.places}
        self.sent: dict[int, tuple[str, Said | None]] = {}  # by order: why, and what an entry was said to be
        self.trades: list[dict[str, Any]] = []
        self.equity: dict[datetime, float] = {}
        self.complaints: list[tuple[datetime, str]] = []
        self.purse = Purse(self.terms.account, self.case.cash, 0.0, self.case.cash, 0)
        self.refused: list[Any] = []  # orders of which nothing was granted
        self.added = 0.0  # cash that the broker has not counted yet
        self.broker.prepare(self.terms.costs.slippage, lambda data: self.of[data].fresh)
        self.broker.set_filler(self.filled)

    def prenext_open(self) -> None:
        """Do as ever while some symbols have not begun."""
        self.next_open()

    def prenext(self) -> None:
        """Do as ever while some symbols have not begun."""
        self.next()

    def next_open(self) -> None:
        """Order what is to be done at this open."""
        fresh = self._arrive()
        gained = 0.0
        for place in fresh:
            if place.held:
                self._pay(place, place.held.side * place.held.qty, place.held.trade, inside=False)
            gained += self._hold_or_leave(place)
            place.end_order()
        equity = self.broker.getvalue() + self.added + gained
        held = [place for place in self.places if place.held and not place.leaving]
        self.purse = snapshot(self.terms.account, equity, held)
        for place, said in in_turn((place, place.before()) for place in fresh):
            self._enter(place, said)
        waiting = ((place, place.waiting.said) for place in fresh if place.waiting and not place.left_at_open)
        for place, said in in_turn(waiting):
            kind = Order.Stop if said.entry_limit is None else Order.Limit
            price = said.entry_stop if said.entry_limit is None else said.entry_limit
            place.order = self._want(place, said, kind, price)

    def next(self) -> None:
        """Take note of this close: levels for the next bar, orders that did not fill, funding, equity."""
        self.added = 0.0
        for order in self.refused:
            self.cancel(order)
        self.refused.clear()
        fresh = [place for place in self.places if place.fresh]
        for place in fresh:
            self._pay(place, place.due, place.payer, inside=True)
            self._age(place)
            place.mark = place.data.close[0]
            if place.held:
                place.see(place.held)
                self._protect(place, place.held)
        self.equity[fresh[0].ts] = self.broker.getvalue() + self.added
        self.case.heard(len(self.equity))

    def notify_order(self, order: Any) -> None:
        """Hear that an order was filled, or refused by the broker."""
        place = self.of[order.data]
        if order.status != Order.Completed:
            self.complaints.append((place.ts, f"{place.symbol}: Backtrader refused an order: {order.getstatusname()}"))
            return
        reason, said = self.sent.pop(order.ref)
        done = order.executed.exbits[-1]
        if said is None:
            self._closed(place, done, reason)
        else:
            self._opened(place, done, said, inside=order.exectype != Order.Market)

    def filled(self, order: Any, price: float, _ago: int) -> float:
        """Give the quantity of an order that fills at a price: of an exit all, of an entry what the account grants."""
        _, said = self.sent.get(order.ref, ("", None))
        if said is None:
            size: float = abs(order.executed.remsize)
            return size
        place = self.of[order.data]
        rate = float(self.broker.getcommissioninfo(order.data).rate)
        levels = levels_of(said, price, self.terms.execution)
        qty = self.purse.granted(said.side, price, levels, place.rule(), (said.size or 1.0, rate))
        if qty:
            order.executed.remsize = said.side * qty  # this is all of it
        else:
            self.refused.append(order)
            place.waiting = None
        return qty

    def _arrive(self) -> list[Place]:
        for place in self.places:
            bar = len(place.data) - 1
            place.fresh, place.bar = bar > place.bar, bar
            place.left_at_open, place.due, place.order = False, 0.0, None
        return [place for place in self.places if place.fresh]

    def _pay(self, place: Place, qty: float, trade: dict[str, Any], *, inside: bool) -> None:
        """Settle the funding of a quantity that is due at the open of its bar, or inside it."""
        for payment in place.payments.get(place.bar, ()) if qty else ():
            if payment.inside == inside and place.rule().get("category") != "spot":
                amount = -qty * (place.data.open[0] if payment.mark is None else payment.mark) * payment.rate
                trade["funding"] += amount
                self.broker.add_cash(amount)
                self.added += amount

    def _hold_or_leave(self, place: Place) -> float:
        """Order the exit of a position that is left at this open; give what equity gains by the open."""
        held, opening = place.held, float(place.data.open[0])
        if held is None:
            return 0.0
        gained = held.side * held.qty * (opening - place.mark)
        place.mark = opening
        side, reason = held.side, place.ordered_exit(held)
        price: float = opening * (1.0 - side * self.terms.costs.slippage)
        scheme = self.broker.getcommissioninfo(place.data)
        rate = float(scheme.p.taker)
        stop, take = (None if order is None else order.created.price for order in (place.stop, place.take))
        if reason:
            self._withdraw(place)
            self._leave(place, held, reason, Order.Market)
        elif stop is not None and side * opening <= side * stop:
            place.left_at_open = True
        elif take is not None and side * opening >= side * take:
            self._withdraw(place)  # else the stop, which is looked at first, would fill in this bar's later course
            self._leave(place, held, "take", Order.Limit, take)
            place.left_at_open, price, rate = True, opening, float(scheme.p.maker)
        else:
            place.due, place.payer = side * held.qty, held.trade
            return gained
        return gained + held.side * held.qty * (price - opening) - held.qty * price * rate

    def _enter(self, place: Place, said: Said) -> None:
        if place.held and not place.leaving:
            return
        if said.entry_limit is not None or said.entry_stop is not None:
            place.waiting = Waiting(said.side, said, said.entry_bars or 1)
        elif not place.left_at_open:
            self._want(place, said, Order.Market)

    def _want(self, place: Place, said: Said, kind: int, price: float | None = None) -> Any:
        """Order an entry; how much it gets is said when it fills."""
        trade = self.buy if said.side > 0 else self.sell
        order = trade(data=place.data, size=_ALL, price=price, exectype=kind)
        self.sent[order.ref] = ("", said)
        return order

    def _leave(self, place: Place, held: Held, reason: str, kind: int, price: float | None = None) -> Any:
        """Order an exit; a target goes with the stop: what fills first ends the other."""
        trade = self.sell if held.side > 0 else self.buy
        oco = place.stop if kind == Order.Limit else None
        order = trade(data=place.data, size=held.qty, price=price, exectype=kind, oco=oco)
        self.sent[order.ref] = (reason, None)
        return order

    def _withdraw(self, place: Place) -> None:
        """Take stop and target back."""
        for order in (place.stop, place.take):
            if order is not None:
                self.sent.pop(order.ref, None)
                self.cancel(order)
        place.stop = place.take = None

    def _age(self, place: Place) -> None:
        """Take back an order that did not fill in this bar; it is given anew while it has bars to live."""
        if place.waiting is None:
            return
        if place.order is not None:
            self.sent.pop(place.order.ref, None)
            self.cancel(place.order)
        place.waiting.left -= 1
        if place.waiting.left == 0:
            place.waiting = None

    def _opened(self, place: Place, done: Any, said: Said, *, inside: bool) -> None:
        qty = abs(done.size)
        trade = {
            "symbol": place.symbol, "side": "long" if said.side > 0 else "short", "qty": qty, "entry_ts": place.ts,
            "entry_price": done.price, "fees": done.comm, "funding": 0.0, "pnl": 0.0,
        }  # fmt: skip
        self.trades.append(trade)
        place.held = Held(
            side=said.side, qty=qty, entry=done.price, levels=levels_of(said, done.price, self.terms.execution),
            best=done.price, bar=place.bar, max_bars=said.max_bars or self.terms.execution.max_bars, trade=trade,
            inside=inside,
        )  # fmt: skip
        if inside:
            place.waiting = None
        else:
            place.due, place.payer = said.side * qty, trade

    def _closed(self, place: Place, done: Any, reason: str) -> None:
        if place.held is None:
            self.complaints.append((place.ts, f"{place.symbol}: two of its exits were filled in one bar"))
            return
        trade = place.held.trade
        trade |= {"exit_ts": place.ts, "exit_price": done.price, "exit_reason": reason}
        trade["fees"] += done.comm
        trade["pnl"] = done.pnl
        for order in (place.stop, place.take):
            self.sent.pop(order.ref if order is not None else 0, None)
        place.held = place.stop = place.take = None

    def _protect(self, place: Place, held: Held) -> None:
        """Place stop and target, or place them anew where the trail has moved."""
        level, reason = held.levels.nearest(held.side, held.best)
        known = None if place.stop is None else place.stop.created.price
        if level == known and (place.stop or place.take):
            return
        self._withdraw(place)
        if level is not None and level > 0:
            place.stop = self._leave(place, held, reason, Order.Stop, level)
        take = held.levels.take
        if take is not None and take > 0:
            place.take = self._leave(place, held, "take", Order.Limit, take)
