"""How an instrument describes itself: linear and inverse with every field, spot with other ones."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bt.exchange.listings import Listing

_DAY: Final = 86_400_000  # ms
_FUNDED: Final = timedelta(hours=8)


def described(listing: Listing, now: int) -> dict[str, Any]:
    """Describe a symbol as `instruments-info` does; `now` in ms."""
    tick = f"{10 ** -listing.decimals():.{listing.decimals()}f}"
    common = {
        "symbol": listing.code,
        "status": "Closed" if listing.is_closed(now) else "Trading",
        "baseCoin": listing.symbol.base or listing.code,
        "quoteCoin": listing.symbol.quote or "",
        "symbolType": "",
        "displayName": "",
    }
    return common | (_spot(tick) if listing.symbol.category == "spot" else _contract(listing, tick, now))


def _spot(tick: str) -> dict[str, Any]:
    return {
        "innovation": "0",
        "marginTrading": "utaOnly",
        "stTag": "0",
        "xstockMultiplier": "",
        "lotSizeFilter": {
            "basePrecision": "0.001",
            "quotePrecision": "0.0000001",
            "minOrderQty": "0.001",
            "maxOrderQty": "100000",
            "minOrderAmt": "5",
            "maxOrderAmt": "8000000",
            "maxLimitOrderQty": "100000",
            "maxMarketOrderQty": "50000",
            "postOnlyMaxLimitOrderSize": "100000",
        },
        "priceFilter": {"tickSize": tick},
        "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
    }


def _contract(listing: Listing, tick: str, now: int) -> dict[str, Any]:
    """Describe a perpetual; it is launched at the midnight after its first candle, as some really are."""
    inverse = listing.symbol.category == "inverse"
    settled = listing.symbol.base if inverse else listing.symbol.quote
    return {
        "symbolId": 1 + sum(listing.code.encode()),
        "contractType": "InversePerpetual" if inverse else "LinearPerpetual",
        "settleCoin": settled or "",
        "launchTime": str(-(-listing.first // _DAY) * _DAY),
        "deliveryTime": str(listing.end) if listing.is_closed(now) else "0",
        "deliveryFeeRate": "",
        "priceScale": str(listing.decimals()),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
        "lotSizeFilter": {
            "minOrderQty": "0.001",
            "maxOrderQty": "1190.000",
            "maxMktOrderQty": "500.000",
            "qtyStep": "0.001",
            "minNotionalValue": "5",
            "postOnlyMaxOrderQty": "1190.000",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": _funding_interval(listing) // timedelta(minutes=1),
        "copyTrading": "both",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
        "forbidUplWithdrawal": False,
        "skipCallAuction": False,
    }


def _funding_interval(listing: Listing) -> timedelta:
    """Give the present interval: the distance of the last two funding rates."""
    stamps = listing.funding["ts"].tail(2).to_list()
    return stamps[1] - stamps[0] if len(stamps) > 1 else _FUNDED
