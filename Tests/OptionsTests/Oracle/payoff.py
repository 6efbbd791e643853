#!/usr/bin/env python3
"""Checks payoffs against fractions, by another way: the profit is evaluated from its definition.

Usage: payoff.py FILE. A line: legs | net premium | most profit | most loss | breakevens | plateaus.
A leg: action,kind,strike,quantity,multiplier,price, the price a decimal with "q" before it when
quoted (exact to a millionth) and "m" when it is a double as it stands. Every figure must be the
double nearest to the exact one; where model prices take part, within 4 units in the last place.
"""
import sys
from fractions import Fraction as F
from math import ulp


def legs_of(text):
    for word in text.split():
        action, kind, strike, quantity, multiplier, price = word.split(",")
        size = int(quantity) * int(multiplier) * (1 if action == "buy" else -1)
        exact = F(price[1:]) if price[0] == "q" else F(float(price[1:]))
        yield kind, F(strike), size, exact


def profit(legs, spot):
    total = F(0)
    for kind, strike, size, price in legs:
        worth = {"call": max(spot - strike, F(0)), "put": max(strike - spot, F(0)), "stock": spot}[kind]
        total += size * (worth - price)
    return total


def figures(legs):
    knots = sorted({F(0)} | {k for kind, k, _, _ in legs if kind != "stock"})
    worth = [profit(legs, k) for k in knots]
    beyond = knots[-1] + 1
    slope = profit(legs, beyond) - worth[-1]
    most = None if slope > 0 else max([F(0)] + worth)
    least = None if slope < 0 else max([F(0)] + [-w for w in worth])
    singles, plateaus = set(), []
    for i, k in enumerate(knots):
        last = i + 1 == len(knots)
        end, after = (None, profit(legs, beyond)) if last else (knots[i + 1], worth[i + 1])
        if worth[i] == 0 == after:
            if plateaus and plateaus[-1][1] == k:
                plateaus[-1][1] = end
            else:
                plateaus.append([k, end])
            continue
        rise = slope if last else (after - worth[i]) / (end - k)
        if rise != 0:
            zero = k - worth[i] / rise
            if zero >= k and (last or zero <= end):
                singles.add(zero)
    singles = [z for z in sorted(singles) if not any(a <= z and (b is None or z <= b) for a, b in plateaus)]
    premium = -sum(size * price for kind, _, size, price in legs if kind != "stock")
    return premium, most, least, singles, plateaus


def number(text):
    return None if text == "null" else float(text)


def same(got, want, exact):
    if got is None or want is None:
        return got is None and want is None
    return got == float(want) if exact else abs(F(got) - want) <= 4 * F(ulp(float(want)))


def main():
    count = wrong = 0
    for line in open(sys.argv[1]):
        text, *parts = (part.strip() for part in line.split("|"))
        legs = list(legs_of(text))
        exact = all(word.split(",")[5][0] == "q" for word in text.split())
        premium, most, least, singles, plateaus = figures(legs)
        got = [number(x) for x in parts[3].split()]
        ranges = [[number(x) for x in word.split(",")] for word in parts[4].split()]
        good = (same(number(parts[0]), premium, exact) and same(number(parts[1]), most, exact)
                and same(number(parts[2]), least, exact) and len(got) == len(singles)
                and all(same(g, w, exact) for g, w in zip(got, singles))
                and len(ranges) == len(plateaus)
                and all(same(g, w, True) for r, p in zip(ranges, plateaus) for g, w in zip(r, p)))
        count += 1
        if not good:
            wrong += 1
            if wrong <= 5:
                print(f"wrong: {line.strip()}\n  want {premium} {most} {least} {singles} {plateaus}")
    print(f"{count} payoffs, {wrong} wrong")
    return 1 if wrong or not count else 0


sys.exit(main())
