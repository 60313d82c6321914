"""Backtrader's broker with what a perpetual contract asks of it: fees of takers and makers, bars that are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from backtrader import CommInfoBase, Order
from backtrader.brokers import BackBroker

if TYPE_CHECKING:
    from collections.abc import Callable

MARGIN: Final = 1e-9  # quote a unit: 0 would be taken for 1; what may be bought is the sizing's to say


class Fees(CommInfoBase):  # type: ignore[misc]
    """Fractions of traded value; profit and loss settle in cash at each close, as of a future."""

    params = (("taker", 0.0), ("maker", 0.0))

    def __init__(self) -> None:
        super().__init__()
        self.rate = self.p.taker

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:  # noqa: ARG002
        fee: float = abs(size) * price * self.rate
        return fee


def fees(taker: float, maker: float) -> Any:
    """Give the commission scheme of one symbol."""
    given = {"taker": taker, "maker": maker, "stocklike": False, "margin": MARGIN, "percabs": True}
    return Fees(commtype=CommInfoBase.COMM_PERC, **given)  # type: ignore[call-arg]


class Broker(BackBroker):  # type: ignore[misc]
    """The simulated broker; a limit order pays the maker's fee and no slippage, be it at an open beyond its price.

    Backtrader itself knows one fee, slips a limit order that an open fills, and tries the orders of a symbol that has
    no bar at a time once more on its last one.
    """

    def prepare(self, slippage: float, arrived: Callable[[Any], bool]) -> None:
        """Set the slippage, a fraction, and how to know whether a symbol has a bar at this time."""
        self.set_slippage_perc(slippage, slip_open=True, slip_limit=True, slip_match=True, slip_out=True)
        self.set_checksubmit(False)
        self._slippage, self._arrived = slippage, arrived

    def _try_exec(self, order: Any) -> None:
        if not self._arrived(order.data):
            return
        limited = order.exectype == Order.Limit
        scheme = self.getcommissioninfo(order.data)
        scheme.rate = scheme.p.maker if limited else scheme.p.taker
        self.p.slip_perc = 0.0 if limited else self._slippage
        super()._try_exec(order)

    def notify(self, order: Any) -> None:
        """Tell the strategy of what was done or refused; of orders that come and go it knows."""
        if order.status not in {Order.Submitted, Order.Accepted, Order.Canceled}:
            super().notify(order)
