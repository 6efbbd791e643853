#!/usr/bin/env python3
"""Checks probability of profit and expected value, with one expiry and with several.

Usage: chances.py FILE. A line: spot rate dividend volatility | legs | most least pop ev | zeros.
A leg: action,kind,strike,quantity,multiplier,price,years,volatility. One expiry: 40-digit
arithmetic over exact intervals. Several: the profit at the front expiry on a fine grid in
numpy, European later legs; the mean by Simpson's rule. Tolerances stand at `check`.
"""
import sys
from fractions import Fraction as F

import numpy as np
from mpmath import erfc, exp, log, mp, mpf, sqrt
from scipy.special import ndtr
from scipy.stats import norm

mp.dps = 40


def read(text):
    for word in text.split():
        action, kind, strike, quantity, multiplier, price, years, volatility = word.split(",")
        size = int(quantity) * int(multiplier) * (1 if action == "buy" else -1)
        yield kind, strike, size, price, float(years), float(volatility)


def single(market, legs):
    """P and E for one expiry, exactly."""
    spot, rate, dividend, volatility = (mpf(float(x)) for x in market)
    years = mpf(next(leg[4] for leg in legs if leg[0] != "stock"))
    deviation = volatility * sqrt(years)

    def below(x):
        if x <= 0:
            return mpf(0)
        z = (log(x / spot) - (rate - dividend - volatility**2 / 2) * years) / deviation
        return erfc(-z / sqrt(mpf(2))) / 2

    def share_below(x):
        if x <= 0:
            return mpf(0)
        z = (log(x / spot) - (rate - dividend - volatility**2 / 2) * years) / deviation - deviation
        return erfc(-z / sqrt(mpf(2))) / 2

    exact = [(kind, F(strike), size, F(round(F(price) * 10**6), 10**6)) for kind, strike, size, price, _, _ in legs]

    def profit(x):
        return sum(s * ({"call": max(x - k, F(0)), "put": max(k - x, F(0)), "stock": x}[kind] - p) for kind, k, s, p in exact)

    knots = sorted({F(0)} | {k for kind, k, _, _ in exact if kind != "stock"})
    forward = spot * exp((rate - dividend) * years)
    chance = mean = mpf(0)
    real = lambda f: mpf(f.numerator) / f.denominator
    for i, low in enumerate(knots):
        last = i + 1 == len(knots)
        high = low + 1 if last else knots[i + 1]
        a, b = profit(low), profit(high)
        rise = (b - a) / (high - low)
        top = mpf("inf") if last else real(high)
        p = (mpf(1) if last else below(top)) - below(real(low))
        e = forward * ((mpf(1) if last else share_below(top)) - share_below(real(low)))
        mean += real(rise) * e + real(a - rise * low) * p
        zero = low - a / rise if rise else None
        inside = zero is not None and zero > low and (last or zero < high)
        left, right = real(low), top
        if inside and rise > 0:
            left = real(zero)
        elif inside:
            right = real(zero)
        probe = (low + zero) / 2 if inside and rise < 0 else (zero + 1 if last else (zero + high) / 2) if inside else (low + high) / 2
        if profit(probe) > 0:
            chance += (mpf(1) if right == mpf("inf") else below(right)) - below(left)
    return float(chance), float(mean)


def price(kind, spot, strike, rate, dividend, years, volatility):
    w = 1 if kind == "call" else -1
    root = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate - dividend + volatility**2 / 2) * years) / root
    return w * (spot * np.exp(-dividend * years) * ndtr(w * d1) - strike * np.exp(-rate * years) * ndtr(w * (d1 - root)))


def several(market, legs):
    spot, rate, dividend, volatility = (float(x) for x in market)
    front = min(leg[4] for leg in legs if leg[0] != "stock")

    def profit(x):
        total = np.zeros_like(x)
        for kind, strike, size, paid, years, own in legs:
            strike = float(strike)
            if kind == "stock":
                worth = x
            elif years > front:
                worth = price(kind, x, strike, rate, dividend, years - front, own)
            else:
                worth = np.maximum(x - strike if kind == "call" else strike - x, 0)
            total += size * (worth - float(paid))
        return total

    z = np.linspace(-9, 9, 180_001)
    deviation = volatility * np.sqrt(front)
    path = spot * np.exp((rate - dividend) * front + deviation * (z - deviation / 2))
    worth = profit(path)
    weight = norm.pdf(z) * (z[1] - z[0])
    corners = [1e-12] + [float(leg[1]) for leg in legs if leg[0] != "stock"]
    wide = profit(np.append(np.exp(np.linspace(np.log(spot) - 6, np.log(spot) + 6, 400_001)), corners))
    return float((weight * (worth > 0)).sum()), float((weight * worth).sum()), float(wide.max()), float(-wide.min())


def check(name, got, want, tolerance, line):
    if not abs(got - want) <= tolerance:
        print(f"{name}: {got!r}, want {want!r}, in {line.strip()}")
        return 1
    return 0


def main():
    wrong = count = many = 0
    for line in open(sys.argv[1]):
        market, text, results, _ = (part.strip() for part in line.split("|"))
        legs = list(read(text))
        most, least, chance, mean = (None if x == "null" else float(x) for x in results.split())
        gross = sum(abs(leg[2]) for leg in legs) * float(market.split()[0])
        count += 1
        if len({leg[4] for leg in legs if leg[0] != "stock"}) == 1:
            pop, value = single(market.split(), legs)
            wrong += check("chance", chance, pop, 1e-13, line) + check("mean", mean, value, 1e-13 * gross, line)
        else:
            many += 1
            pop, value, high, low = several(market.split(), legs)
            wrong += check("chance", chance, pop, 2e-4, line) + check("mean", mean, value, 1e-8 * gross, line)
            if most is not None:
                wrong += check("most", most, max(0, high), 1e-6 * gross, line)
            if least is not None:
                wrong += check("least", least, max(0, low), 1e-6 * gross, line)
    print(f"{count} strategies, {many} with several expiries, {wrong} figures wrong")
    return 1 if wrong or not count else 0


sys.exit(main())
