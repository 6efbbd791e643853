#!/usr/bin/env python3
"""Checks European prices and Greeks against 50-digit arithmetic.

Usage: black_scholes.py FILE. A line: right S K r q T v price delta gamma theta vega rho, all
doubles as the engine used and returned them. Prints the worst relative error of each figure,
exits 1 when one is above 1e-9. Theta is a sum of up to three terms of either sign: its error is
measured against the largest of them. What a double cannot hold (below 1e-300) counts as nothing.
"""
import sys

from mpmath import erfc, exp, fabs, log, mp, mpf, pi, sqrt

mp.dps = 50
NAMES = ("price", "delta", "gamma", "theta", "vega", "rho")
LIMIT = 1e-9


def cumulative(z):
    return erfc(-z / sqrt(mpf(2))) / 2


def reference(right, spot, strike, rate, dividend, years, volatility):
    w = 1 if right == "call" else -1
    stock, cash = spot * exp(-dividend * years), strike * exp(-rate * years)
    root = sqrt(years)
    d1 = (log(spot / strike) + (rate - dividend + volatility**2 / 2) * years) / (volatility * root)
    d2 = d1 - volatility * root
    density = exp(-d1 * d1 / 2) / sqrt(2 * pi)
    n1, n2 = cumulative(w * d1), cumulative(w * d2)
    terms = (-stock * density * volatility / (2 * root), -w * rate * cash * n2, w * dividend * stock * n1)
    return (
        (w * (stock * n1 - cash * n2), None),
        (w * exp(-dividend * years) * n1, None),
        (exp(-dividend * years) * density / (spot * volatility * root), None),
        (sum(terms) / 365, max(map(fabs, terms)) / 365),
        (stock * density * root / 100, None),
        (w * cash * years * n2 / 100, None),
    )


def main():
    worst = {name: (mpf(0), "") for name in NAMES}
    count = 0
    for line in open(sys.argv[1]):
        right, *numbers = line.split()
        numbers = [mpf(float(x)) for x in numbers]
        # The tails below 1e-300 need more than 50 digits beside numbers of size 1.
        mp.dps = 50
        expected = reference(right, *numbers[:6])
        if 0 < fabs(expected[0][0]) < mpf(10) ** -20 * numbers[0]:
            mp.dps = 400
            expected = reference(right, *numbers[:6])
        for name, got, (want, scale) in zip(NAMES, numbers[6:], expected):
            scale = fabs(want) if scale is None else scale
            if scale < mpf(10) ** -300:
                error = mpf(0) if fabs(got) < mpf(10) ** -290 else mpf(1)
            else:
                error = fabs(got - want) / scale
            if error > worst[name][0]:
                worst[name] = (error, line.strip())
        count += 1
    for name, (error, line) in worst.items():
        print(f"{name}: {float(error):.1e} at {line}")
    print(f"{count} cases")
    return 1 if count == 0 or any(error > LIMIT for error, _ in worst.values()) else 0


sys.exit(main())
