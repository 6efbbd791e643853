#!/usr/bin/env python3
"""Checks American values against QuantLib's high-precision engine (QdFp).

Usage: american.py FILE. A line: right S K r q T v price delta gamma theta vega rho. Errors
are in the units printed, basis points being of spot. Exits 1 when the price is off by more than
0.01 basis points at the 95th percentile or 0.2 at the worst, or delta by more than 1 %.
"""
import sys

import numpy
import QuantLib as ql

LIMIT_95, LIMIT_MAX = 0.01, 0.2
GREEKS = 40  # of so many cases also the Greeks are looked at: each takes twelve more prices
TODAY = ql.Date(1, 1, 2026)
ql.Settings.instance().evaluationDate = TODAY
DAYS = ql.Actual365Fixed()


class Engine:
    def __init__(self):
        self.spot, self.rate, self.dividend, self.volatility = (ql.SimpleQuote(1.0) for _ in range(4))
        curve = lambda quote: ql.YieldTermStructureHandle(ql.FlatForward(TODAY, ql.QuoteHandle(quote), DAYS))
        volatility = ql.BlackConstantVol(TODAY, ql.NullCalendar(), ql.QuoteHandle(self.volatility), DAYS)
        process = ql.BlackScholesMertonProcess(
            ql.QuoteHandle(self.spot), curve(self.dividend), curve(self.rate), ql.BlackVolTermStructureHandle(volatility))
        self.engine = ql.QdFpAmericanEngine(process, ql.QdFpAmericanEngine.highPrecisionScheme())

    def price(self, right, spot, strike, rate, dividend, days, volatility):
        for quote, value in zip((self.spot, self.rate, self.dividend, self.volatility), (spot, rate, dividend, volatility)):
            quote.setValue(value)
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if right == "call" else ql.Option.Put, strike)
        option = ql.VanillaOption(payoff, ql.AmericanExercise(TODAY, TODAY + days))
        option.setPricingEngine(self.engine)
        return option.NPV()

    def reference(self, right, spot, strike, rate, dividend, days, volatility, greeks):
        if not greeks:
            return (self.price(right, spot, strike, rate, dividend, days, volatility),)
        f = lambda s=spot, r=rate, d=days, v=volatility: self.price(right, s, strike, r, dividend, d, v)
        h, middle = spot * 2e-3, f()
        up, down = f(s=spot + h), f(s=spot - h)
        return (middle, (up - down) / (2 * h), (up - 2 * middle + down) / (h * h),
                -(f(d=days + 1) - f(d=days - 1)) / 2,
                (f(v=volatility + 1e-3) - f(v=volatility - 1e-3)) / 0.2,
                (f(r=rate + 1e-4) - f(r=rate - 1e-4)) / 0.02)


def main():
    engine, errors, cases = Engine(), [], []
    for index, line in enumerate(open(sys.argv[1])):
        right, *numbers = line.split()
        spot, strike, rate, dividend, years, volatility, *got = map(float, numbers)
        days = round(years * 365)
        try:
            want = engine.reference(right, spot, strike, rate, dividend, days, volatility, index < GREEKS)
        except RuntimeError as error:
            print(f"no opinion on {line.strip()}: {error}")
            continue
        weights = (1e4 / spot, 100, spot, 1e4 / spot, 1e4 / spot, 1e4 / spot)
        error = [abs(g - w) * k for g, w, k in zip(got, want, weights)]
        errors.append(error + [numpy.nan] * (len(weights) - len(error)))
        cases.append(line.strip() + " | " + " ".join(f"{x:.6g}" for x in want))
    errors = numpy.array(errors)
    for i, name in enumerate(("price bp", "delta %", "gamma x S", "theta bp", "vega bp", "rho bp")):
        column = errors[:, i]
        print(f"{name}: median {numpy.nanmedian(column):.4f}, p95 {numpy.nanpercentile(column, 95):.4f}, "
              f"max {numpy.nanmax(column):.4f} at {cases[numpy.nanargmax(column)]}")
    print(f"{len(errors)} cases")
    price = errors[:, 0]
    if numpy.nanmax(errors[:, 1]) > 1:
        return 1
    return 1 if len(errors) < 100 or numpy.percentile(price, 95) > LIMIT_95 or price.max() > LIMIT_MAX else 0


sys.exit(main())
