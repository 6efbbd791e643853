#!/usr/bin/env python3
"""Checks `strategyctl analyze --jsonl` against arithmetic of its own, through the real program.

Usage: analyze.py STRATEGYCTL [COUNT [SEED]]. Random documents, extremes among them, go in; every
figure that comes out is computed again: payoffs in fractions, exactly; prices, Greeks, chances
and implied volatilities in 50 digits by mpmath, to 1e-9 relative; American prices by QuantLib;
several expiries by a dense look at the curve. Exits 1 on the first kinds of disagreement.
"""
import collections, datetime, json, math, random, subprocess, sys, zoneinfo
from fractions import Fraction

import mpmath
import numpy
import QuantLib as ql
from mpmath import mp, mpf
from scipy.special import ndtr

mp.dps = 50
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
AS_OF = "2026-11-23T15:00:00Z"
EXPIRIES = ["2026-12-18", "2027-01-15", "2027-03-19", "2028-06-16"]
N = lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2
n = lambda x: mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)


# --- documents ---------------------------------------------------------------------------------

def years_of(leg, document):
    if leg.get("years") is not None:
        return max(0.0, leg["years"])
    if leg.get("expiry") is None or document.get("as_of") is None:
        return None
    start = datetime.datetime.fromisoformat(document["as_of"].replace("Z", "+00:00"))
    day = datetime.date.fromisoformat(leg["expiry"])
    end = datetime.datetime.combine(day, datetime.time(16), NEW_YORK)
    return max(0.0, (end.timestamp() - start.timestamp()) / (365 * 86400))


def strike(leg):
    return round(Fraction(leg["strike"]) * 10**6) / Fraction(10**6)


def entry(price):
    """A price is what it says where it is a whole number of millionths, else the double itself."""
    exact = Fraction(round(Fraction(price) * 10**6), 10**6)
    return exact if float(exact) == price else Fraction(price)


def random_document(dice):
    spot = dice.choice([100.0, 450.0, round(dice.uniform(1, 900), 2), dice.uniform(0.5, 5000)])
    document = {"spot": spot}
    if dice.random() < 0.7: document["rate"] = dice.choice([0.0, 0.04, dice.uniform(-0.05, 0.2)])
    if dice.random() < 0.6: document["dividend_yield"] = dice.choice([0.0, 0.01, dice.uniform(-0.02, 0.15)])
    document["volatility"] = dice.choice([0.2, 0.0, dice.uniform(0.01, 1), dice.uniform(0.001, 0.02), dice.uniform(1, 4)])
    if dice.random() < 0.5: document["symbol"] = dice.choice(["SPY", "BRK.B", "F"])
    document["as_of"] = dice.choice([AS_OF, AS_OF, "2026-12-18T20:59:59.5Z", "2026-12-18T21:00:00Z", "2027-06-01T13:30:00-04:00"])
    one = dice.choice([{"expiry": dice.choice(EXPIRIES)}, {"years": dice.choice([0, 0.0001, 0.25, dice.uniform(0, 3), dice.uniform(3, 30)])}])
    width = dice.choice([1, 2.5, 5, 10, 0.001])
    shape = dice.random()
    legs = []
    for _ in range(dice.choice([1, 1, 2, 2, 3, 4, 4, 5, 8, 20])):
        if dice.random() < 0.12:
            leg = {"instrument": "stock", "quantity": dice.choice([1, 100, 37, 1000])}
            if dice.random() < 0.5: leg["price"] = round(spot * dice.uniform(0.8, 1.2), dice.choice([2, 6]))
            if dice.random() < 0.3: leg["strike"] = None
            if dice.random() < 0.3: leg |= one
        else:
            far = dice.choice([0, dice.randint(-6, 6), dice.randint(-6, 6)])
            k = max(width, round(spot / width) * width + far * width)
            if shape < 0.1: k = max(0.001, round(spot * math.exp(dice.uniform(-3, 3)), 3))
            leg = {"instrument": dice.choice(["call", "put"]), "strike": round(k, 3), "quantity": dice.choice([1, 1, 1, 2, 3, 10, 1000]), **one}
            if dice.random() < 0.6:
                leg["price"] = round(dice.choice([dice.uniform(0, 30), dice.uniform(0, 1), 0, 0.1, 0.2, 0.3]), dice.choice([1, 2, 2, 6, 12]))
            if dice.random() < 0.2: leg["volatility"] = dice.choice([0.0, dice.uniform(0.01, 2)])
            if dice.random() < 0.1: leg["multiplier"] = dice.choice([1, 10, 1000, None])
        leg["action"] = dice.choice(["buy", "sell"])
        legs.append(leg)
        if dice.random() < 0.15: legs.append(dict(leg, action=dice.choice(["buy", "sell"])))
    document["legs"] = legs
    if dice.random() < 0.3: touch(document, dice)
    return document


def structured(dice):
    """Boxes, butterflies and the like at prices that give plateaus and touching zeros."""
    k, w = dice.choice([100, 95.5, 450]), dice.choice([1, 5, 2.5])
    leg = lambda action, kind, strike, price, quantity=1: {"action": action, "instrument": kind, "strike": strike, "years": 0.1, "quantity": quantity, "price": price}
    legs = dice.choice([
        [leg("buy", "call", k, w + 1), leg("sell", "call", k + w, 1), leg("buy", "put", k + w, 2), leg("sell", "put", k, 2)],
        [leg("buy", "call", k, 0.1), leg("buy", "call", k + w, 0.2), leg("sell", "call", k + w, 0.3, 1), leg("sell", "call", k, 0.0)],
        [leg("buy", "call", k, 3.3), leg("sell", "call", k + w, 1.65, 2), leg("buy", "call", k + 2 * w, 0.0)],
        [leg("buy", "call", k, 0.1), leg("sell", "call", k, 0.1)],
        [leg("sell", "put", k, 0), leg("buy", "put", k - w, 0)],
        [leg("buy", "put", k, k)], [leg("sell", "put", k, k)],
        [leg("buy", "call", k, 0)], [leg("sell", "call", k, 0)],
        [{"action": "buy", "instrument": "stock", "quantity": 100, "price": k}, leg("buy", "put", k, 0), leg("sell", "call", k, 0)],
    ])
    return {"spot": k, "volatility": 0.3, "legs": legs}


def touch(document, dice):
    """Moves a price so that the profit is exactly nothing at one of the strikes."""
    options = [l for l in document["legs"] if l["instrument"] != "stock"]
    if not options: return
    for leg in document["legs"]: leg.setdefault("price", 5.5)
    at = strike(dice.choice(options))
    moved = options[0]
    off = worth(document, [entry(l["price"]) for l in document["legs"]], at)
    price = entry(moved["price"]) + off / shares(moved)
    if price >= 0 and (price * 10**6).denominator == 1 and price < 10**8: moved["price"] = float(price)


def shares(leg):
    multiplier = leg.get("multiplier") or (1 if leg["instrument"] == "stock" else 100)
    return (1 if leg["action"] == "buy" else -1) * leg["quantity"] * multiplier


def worth(document, prices, at):
    total = Fraction(0)
    for leg, price in zip(document["legs"], prices):
        kind = leg["instrument"]
        value = at if kind == "stock" else max(Fraction(0), at - strike(leg) if kind == "call" else strike(leg) - at)
        total += shares(leg) * (value - price)
    return total


# --- one expiry, exactly -----------------------------------------------------------------------

def entry_prices(document, answer):
    prices = []
    for leg, found in zip(document["legs"], answer["legs"]):
        if leg.get("price") is not None: prices.append(entry(leg["price"]))
        elif leg["instrument"] == "stock":
            prices.append(entry(document["spot"]))
        else: prices.append(Fraction(found["price"]))
    return prices


def payoff(document, prices):
    f = lambda at: worth(document, prices, at)
    knots = sorted({Fraction(0)} | {strike(l) for l in document["legs"] if l["instrument"] != "stock"})
    slope = sum(shares(l) for l in document["legs"] if l["instrument"] != "put")
    values = [f(k) for k in knots]
    zeros, plateaus, open_ = [], [], None
    for i, (k, v) in enumerate(zip(knots, values)):
        last = i + 1 == len(knots)
        after = slope if last else (values[i + 1] - v) / (knots[i + 1] - k)
        if v == 0 and after == 0:
            if open_ is None: open_ = k
            continue
        if v == 0:
            if open_ is not None: plateaus.append((open_, k)); open_ = None
            else: zeros.append(k)
        elif after != 0:
            x = k - v / after
            if x > k and (last or x < knots[i + 1]): zeros.append(x)
    if open_ is not None: plateaus.append((open_, None))
    top = None if slope > 0 else max([Fraction(0)] + values)
    bottom = None if slope < 0 else max([Fraction(0)] + [-v for v in values])
    premium = sum(-shares(l) * p for l, p in zip(document["legs"], prices) if l["instrument"] != "stock")
    return dict(max_profit_usd=top, max_loss_usd=bottom, breakevens=zeros, zero_intervals=plateaus, net_premium_usd=premium), f


# --- chances -----------------------------------------------------------------------------------

def log_normal(document, years):
    s, r, q, v = (mpf(document[k]) if k in document else mpf(0) for k in ("spot", "rate", "dividend_yield", "volatility"))
    t = mpf(years)
    return s * mpmath.exp((r - q) * t), v * mpmath.sqrt(t)


def z(x, forward, d): return (mpmath.log(x / forward)) / d + d / 2


def chances(document, prices, figures, f, years):
    forward, d = log_normal(document, years)
    mean = mpf(0)
    for leg, price in zip(document["legs"], prices):
        kind = leg["instrument"]
        if kind == "stock": value = forward
        else:
            k, w = to_mp(strike(leg)), 1 if kind == "call" else -1
            if d == 0: value = max(mpf(0), w * (forward - k))
            else:
                d1 = (mpmath.log(forward / k)) / d + d / 2
                value = w * (forward * N(w * d1) - k * N(w * (d1 - d)))
        mean += shares(leg) * (value - to_mp(price))
    if d == 0:
        at = Fraction(float(forward)) if years else Fraction(document["spot"])
        return (1 if f(at) > 0 else 0), mean, f(at) == 0 or abs(float(f(at))) < 1e-6
    edges = sorted(set([Fraction(0)] + figures["breakevens"] + [e for p in figures["zero_intervals"] for e in p if e is not None])) + [None]
    chance = mpf(0)
    for low, high in zip(edges, edges[1:]):
        inside = (low + high) / 2 if high is not None else low * 2 + 1
        if f(inside) > 0:
            a = -mpmath.inf if low == 0 else z(to_mp(low), forward, d)
            b = mpmath.inf if high is None else z(to_mp(high), forward, d)
            chance += N(-a) - N(-b) if a > 0 else N(b) - N(a)
    return chance, mean, False


def to_mp(x): return mpf(x.numerator) / mpf(x.denominator)


# --- one option --------------------------------------------------------------------------------

def black_scholes(kind, s, k, r, q, t, v):
    w = 1 if kind == "call" else -1
    s, k, r, q, t, v = map(mpf, (s, k, r, q, t, v))
    if t == 0:
        side = w * (s - k)
        return max(side, mpf(0)), (w if side > 0 else w / mpf(2) if side == 0 else mpf(0)), mpf(0), mpf(0), mpf(0), mpf(0)
    sd, kd = s * mpmath.exp(-q * t), k * mpmath.exp(-r * t)
    if v == 0:
        side = w * (sd - kd)
        part = mpf(1) if side > 0 else mpf(1) / 2 if side == 0 else mpf(0)
        return max(side, mpf(0)), w * sd / s * part, mpf(0), w * (q * sd - r * kd) * part / 365, mpf(0), w * kd * t * part / 100
    root = mpmath.sqrt(t)
    d1 = (mpmath.log(s / k) + (r - q + v * v / 2) * t) / (v * root)
    d2 = d1 - v * root
    price = w * (sd * N(w * d1) - kd * N(w * d2))
    return (price, w * sd / s * N(w * d1), sd / s * n(d1) / (s * v * root),
            (-sd * n(d1) * v / (2 * root) - w * r * kd * N(w * d2) + w * q * sd * N(w * d1)) / 365,
            sd * n(d1) * root / 100, w * kd * t * N(w * d2) / 100)


GREEKS = ("delta", "gamma", "theta_per_day", "vega_per_point", "rho_per_point")


class Judge:
    def __init__(self): self.faults, self.looked = collections.defaultdict(list), collections.Counter()

    def same(self, what, got, want, document, relative=0.0, absolute=0.0):
        self.looked[what] += 1
        if want is None or got is None: good = want is None and got is None
        else: good = abs(mpf(got) - want) <= relative * abs(want) + absolute
        if not good: self.faults[what].append((got, None if want is None else mpmath.nstr(mpf(want), 20), document))

    def exact(self, what, got, want, document, nearest=1):
        """`want` is a fraction: the nearest double, or where model prices are summed one beside it."""
        self.looked[what] += 1
        good = (got is None) == (want is None)
        if good and want is not None:
            right = float(want)
            good = got == right or (nearest > 1 and abs(got - right) <= nearest * math.ulp(right))
        if not good: self.faults[what].append((got, None if want is None else float(want), document))


def check_legs(judge, document, answer):
    total = {g: mpf(0) for g in GREEKS}
    gross = {g: mpf(0) for g in GREEKS}
    missing = False
    r, q = document.get("rate", 0), document.get("dividend_yield", 0)
    for leg, found in zip(document["legs"], answer["legs"]):
        if leg["instrument"] == "stock":
            judge.same("stock", found["delta"], mpf(1), document)
            judge.same("stock", found["price"], mpf(leg["price"] if leg.get("price") is not None else document["spot"]), document)
            total["delta"] += shares(leg); gross["delta"] += abs(shares(leg))
            continue
        k, t = float(strike(leg)), years_of(leg, document)
        volatility = leg.get("volatility", document.get("volatility", found["implied_volatility"]))
        if volatility is None and t == 0: volatility = 0
        if leg.get("price") is not None: judge.same("echo", found["price"], mpf(leg["price"]), document)
        judge.same("intrinsic", found["intrinsic"], mpf(max(0.0, document["spot"] - k if leg["instrument"] == "call" else k - document["spot"])), document)
        check_implied(judge, document, leg, found, k, t, r, q)
        if volatility is None: missing = True; continue
        price, *greeks = black_scholes(leg["instrument"], document["spot"], k, r, q, t, volatility)
        if leg.get("price") is None: judge.same("price", found["price"], price, document, 1e-9, 1e-290)
        scale = mpf(document["spot"]) / 365
        for name, want in zip(GREEKS, greeks):
            # Theta's terms may cancel: its error is judged by their size.
            slack = 1e-12 * scale * (abs(r) + abs(q) + volatility) if name == "theta_per_day" else 1e-290
            judge.same(name, found[name], want, document, 1e-9, slack)
            total[name] += shares(leg) * want; gross[name] += abs(shares(leg) * want)
    for name in GREEKS:
        if missing: judge.same("greeks", answer["greeks"] and answer["greeks"][name], None, document)
        else: judge.same("greeks", answer["greeks"][name], total[name], document, 1e-9, 1e-11 * gross[name] + 1e-280)


def check_implied(judge, document, leg, found, k, t, r, q):
    error = found.get("implied_volatility_error")
    if leg.get("price") is None:
        judge.same("no price", found["implied_volatility"], None, document); return
    s, p = mpf(document["spot"]), mpf(leg["price"])
    low = black_scholes(leg["instrument"], s, k, r, q, t, 0)[0]
    high = s * mpmath.exp(-mpf(q) * mpf(t)) if leg["instrument"] == "call" else mpf(k) * mpmath.exp(-mpf(r) * mpf(t))
    want = "expired" if t == 0 else "below_intrinsic" if p <= low else "above_bound" if p >= high else None
    if t > 0 and (0 < abs(p - low) < 1e-12 * s or 0 < abs(p - high) < 1e-12 * s): return
    judge.looked["implied volatility"] += 1
    if error != want: judge.faults["implied volatility error"].append((error, want, document, leg)); return
    if want is not None:
        if found["implied_volatility"] is not None: judge.faults["implied volatility error"].append((found, want)); 
        return
    v = mpf(found["implied_volatility"])
    price, _, _, _, vega, _ = black_scholes(leg["instrument"], s, k, r, q, t, v)
    # What doubles can tell: time value to 1e-15 of the price's parts, volatility to 1e-9.
    slack = 1e-9 * v * vega * 100 + mpf("4e-16") * (p + low)
    if abs(price - p) > slack: judge.faults["implied volatility"].append((float(v), float(price), float(p), document, leg))


def check(judge, document, answer):
    if "error" in answer: judge.faults["refused"].append((answer, document)); return
    prices = entry_prices(document, answer)
    figures, f = payoff(document, prices)
    modelled = any(l.get("price") is None for l in document["legs"])
    ulps = 2 if modelled else 1
    for name in ("max_profit_usd", "max_loss_usd", "net_premium_usd"): judge.exact(name, answer[name], figures[name], document, ulps)
    if len(answer["breakevens"]) != len(figures["breakevens"]): judge.faults["breakevens"].append((answer["breakevens"], [float(x) for x in figures["breakevens"]], document))
    else:
        for got, want in zip(answer["breakevens"], figures["breakevens"]): judge.exact("breakeven", got, want, document, ulps)
    want = [[float(a), None if b is None else float(b)] for a, b in figures["zero_intervals"]]
    judge.looked["plateaus"] += len(want); judge.looked["plateau lists"] += 1
    if answer["zero_intervals"] != want: judge.faults["zero_intervals"].append((answer["zero_intervals"], want, document))
    options = [years_of(l, document) for l in document["legs"] if l["instrument"] != "stock"]
    ends = options or [t for t in (years_of(l, document) for l in document["legs"]) if t is not None]
    if not ends or document.get("volatility") is None:
        judge.same("no horizon", answer["probability_of_profit"], None, document); judge.same("no horizon", answer["expected_value_usd"], None, document)
    else:
        chance, mean, unsure = chances(document, prices, figures, f, min(ends))
        if not unsure: judge.same("probability", answer["probability_of_profit"], mpf(chance), document, 1e-9, 1e-290)
        size = sum(abs(shares(l)) * (float(p) + document["spot"]) for l, p in zip(document["legs"], prices))
        judge.same("expected value", answer["expected_value_usd"], mean, document, 1e-9, 1e-13 * size * max(1.0, math.exp((document.get("rate", 0) - document.get("dividend_yield", 0)) * min(ends))))
    check_legs(judge, document, answer)
    undefined = figures["max_loss_usd"] is None
    judge.looked["risk"] += 1
    if undefined != (answer["risk"] == "undefined"): judge.faults["risk"].append((answer["risk"], undefined, document))
    for leg, found in zip(document["legs"], answer["legs"]):
        wanted = None
        if "symbol" in document and leg.get("expiry") and leg["instrument"] != "stock" and strike(leg) < 100000:
            wanted = document["symbol"].replace(".", "").ljust(6) + leg["expiry"][2:].replace("-", "") + leg["instrument"][0].upper() + f"{int(strike(leg) * 1000):08d}"
        judge.looked["symbol"] += 1
        if found["symbol"] != wanted: judge.faults["symbol"].append((found["symbol"], wanted, document))


# --- several expiries --------------------------------------------------------------------------

def calendar(dice):
    spot = round(dice.uniform(20, 500), 2)
    document = {"spot": spot, "rate": dice.choice([0.0, 0.04]), "dividend_yield": dice.choice([0.0, 0.015]), "volatility": dice.uniform(0.1, 0.8), "legs": []}
    front = dice.uniform(0.02, 0.3)
    for i in range(dice.choice([2, 2, 3, 4])):
        document["legs"].append({"action": dice.choice(["buy", "sell"]), "instrument": dice.choice(["call", "put"]), "strike": round(spot * dice.uniform(0.85, 1.15)), "years": front if i == 0 else dice.choice([front, front + dice.uniform(0.05, 1)]), "quantity": dice.choice([1, 1, 2])})
        if dice.random() < 0.3: document["legs"][-1]["price"] = round(dice.uniform(0.5, 30), 2)
        if dice.random() < 0.2: document["legs"][-1]["volatility"] = dice.uniform(0.1, 0.8)
    if len({l["years"] for l in document["legs"]}) < 2: document["legs"][-1]["years"] = front + 0.3
    if dice.random() < 0.2: document["legs"].append({"action": dice.choice(["buy", "sell"]), "instrument": "stock", "quantity": 100})
    return document


def curve(document, answer):
    front = min(l["years"] for l in document["legs"] if l["instrument"] != "stock")
    r, q = document["rate"], document["dividend_yield"]

    def at(s):
        total = numpy.zeros_like(s)
        for leg, found in zip(document["legs"], answer["legs"]):
            if leg["instrument"] == "stock": value = s
            else:
                k, t, w = leg["strike"], leg["years"] - front, 1 if leg["instrument"] == "call" else -1
                v = leg.get("volatility", document["volatility"])
                if t == 0: value = numpy.maximum(0, w * (s - k))
                else:
                    with numpy.errstate(divide="ignore"):
                        d1 = (numpy.log(s / k) + (r - q + v * v / 2) * t) / (v * math.sqrt(t))
                    value = w * (s * math.exp(-q * t) * ndtr(w * d1) - k * math.exp(-r * t) * ndtr(w * (d1 - v * math.sqrt(t))))
            total = total + shares(leg) * (value - found["price"])
        return total
    return at, front


def check_calendar(judge, document, answer):
    if "error" in answer: judge.faults["refused"].append((answer, document)); return
    at, front = curve(document, answer)
    grid = numpy.unique(numpy.concatenate([[0], numpy.exp(numpy.linspace(math.log(0.02 * document["spot"]), math.log(60 * document["spot"]), 60001)), [l["strike"] for l in document["legs"] if l["instrument"] != "stock"]]))
    values = at(grid)
    signs = numpy.sign(numpy.where(numpy.abs(values) < 1e-9, 0, values))
    seen = (grid[1:] > 0.03 * document["spot"]) & (grid[1:] < 50 * document["spot"])
    crossings = int(((signs[1:] * signs[:-1] < 0) & seen).sum())
    size = numpy.abs([shares(l) for l in document["legs"]]).sum() * document["spot"]
    judge.looked["calendar"] += 1
    mine = [b for b in answer["breakevens"] if 0.03 * document["spot"] < b < 50 * document["spot"]]
    if any(abs(at(numpy.array([b]))[0]) > 1e-8 * size for b in mine): judge.faults["calendar breakeven"].append((mine, document))
    near_zero = (numpy.abs(values) < 1e-5 * size) & (numpy.abs(numpy.gradient(values, grid)) < 1e-2)
    if not near_zero.any() and len(mine) != crossings: judge.faults["calendar count"].append((mine, crossings, document))
    slope = sum(shares(l) * (1 if l["instrument"] == "stock" else math.exp(-document["dividend_yield"] * (l["years"] - front))) for l in document["legs"] if l["instrument"] != "put")
    for name, best, endless in (("max_profit_usd", values.max(), slope > 1e-9), ("max_loss_usd", -values.min(), slope < -1e-9)):
        if endless: judge.same("calendar " + name, answer[name], None, document)
        else: judge.same("calendar " + name, answer[name], mpf(max(0.0, best)), document, 1e-6, 1e-6 * size)
    d = document["volatility"] * math.sqrt(front)
    z = numpy.linspace(-9, 9, 200001)
    s = document["spot"] * numpy.exp((document["rate"] - document["dividend_yield"]) * front - d * d / 2 + d * z)
    weights = numpy.exp(-z * z / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    pnl = at(s)
    judge.same("calendar expected value", answer["expected_value_usd"], mpf(float((pnl * weights).sum())), document, 1e-6, 1e-8 * size)
    judge.same("calendar probability", answer["probability_of_profit"], mpf(float((weights * (pnl > 0)).sum())), document, 0, 2e-4)


# --- American ----------------------------------------------------------------------------------

class QdFp:
    def __init__(self):
        self.today = ql.Date(1, 1, 2026)
        ql.Settings.instance().evaluationDate = self.today
        self.quotes = [ql.SimpleQuote(1.0) for _ in range(4)]
        curve = lambda quote: ql.YieldTermStructureHandle(ql.FlatForward(self.today, ql.QuoteHandle(quote), ql.Actual365Fixed()))
        volatility = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(self.today, ql.NullCalendar(), ql.QuoteHandle(self.quotes[3]), ql.Actual365Fixed()))
        process = ql.BlackScholesMertonProcess(ql.QuoteHandle(self.quotes[0]), curve(self.quotes[2]), curve(self.quotes[1]), volatility)
        self.engine = ql.QdFpAmericanEngine(process, ql.QdFpAmericanEngine.highPrecisionScheme())

    def price(self, kind, s, k, r, q, days, v):
        for quote, value in zip(self.quotes, (s, r, q, v)): quote.setValue(value)
        option = ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Call if kind == "call" else ql.Option.Put, k), ql.AmericanExercise(self.today, self.today + days))
        option.setPricingEngine(self.engine)
        return option.NPV()


def american(dice):
    spot = round(dice.uniform(20, 500), 2)
    days = dice.choice([dice.randint(1, 30), dice.randint(7, 1500)])
    return {"spot": spot, "rate": dice.choice([0.0, 0.04, dice.uniform(0, 0.15)]), "dividend_yield": dice.choice([0.0, 0.01, dice.uniform(0, 0.12)]), "volatility": dice.uniform(0.04, 1.5), "style": "american",
            "legs": [{"action": dice.choice(["buy", "sell"]), "instrument": dice.choice(["call", "put"]), "strike": round(spot * math.exp(dice.uniform(-0.7, 0.7)), 1), "years": days / 365, "quantity": 1} for _ in range(2)]}


def check_american(judge, engine, document, answer, errors):
    if "error" in answer: judge.faults["refused"].append((answer, document)); return
    for leg, found in zip(document["legs"], answer["legs"]):
        try: want = engine.price(leg["instrument"], document["spot"], leg["strike"], document["rate"], document["dividend_yield"], round(leg["years"] * 365), document["volatility"])
        except RuntimeError: continue
        errors.append(abs(found["price"] - want) / document["spot"] * 1e4)
        if errors[-1] > 1: judge.faults["american"].append((found["price"], want, document))


# --- what is no document -----------------------------------------------------------------------

def broken(dice):
    good = {"spot": 100, "volatility": 0.2, "legs": [{"action": "buy", "instrument": "call", "strike": 100, "years": 0.5, "quantity": 1, "price": 2.0}]}
    bad = dice.choice(["x", None, -1, 0, True, [], {}, 1e300, -1e300, 1.5, "NaN", 10**30, "2026-02-30", ""])
    document = json.loads(json.dumps(good))
    place = dice.choice(["top", "leg"])
    target = document if place == "top" else document["legs"][0]
    key = dice.choice(["spot", "rate", "dividend_yield", "volatility", "style", "legs", "as_of", "symbol"] if place == "top" else ["action", "instrument", "strike", "years", "quantity", "price", "multiplier", "volatility", "expiry"])
    if dice.random() < 0.2: target.pop(key, None)
    else: target[key] = bad
    text = json.dumps(document)
    if dice.random() < 0.15: text = text[:dice.randint(0, len(text))].replace("\n", "")
    if dice.random() < 0.1: text = text.replace("100", dice.choice(["NaN", "Infinity", "1e999", "0x10", "٣", "\x00"]))
    return text


def ask(program, lines):
    done = subprocess.run([program, "analyze", "--jsonl"], input="\n".join(lines) + "\n", capture_output=True, text=True)
    answers = done.stdout.splitlines()
    if done.returncode != 0 or len(answers) != len(lines): sys.exit(f"status {done.returncode}, {len(answers)} lines for {len(lines)}: {done.stderr}")
    return [json.loads(a) for a in answers]


def main():
    program, count, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000, int(sys.argv[3]) if len(sys.argv) > 3 else 1
    dice, judge = random.Random(seed), Judge()
    documents = [random_document(dice) for _ in range(count)] + [structured(dice) for _ in range(count // 10)]
    for document, answer in zip(documents, ask(program, [json.dumps(d) for d in documents])): check(judge, document, answer)
    documents = [calendar(dice) for _ in range(count // 10)]
    for document, answer in zip(documents, ask(program, [json.dumps(d) for d in documents])): check_calendar(judge, document, answer)
    documents, engine, errors = [american(dice) for _ in range(count)], QdFp(), []
    for document, answer in zip(documents, ask(program, [json.dumps(d) for d in documents])): check_american(judge, engine, document, answer, errors)
    if numpy.percentile(errors, 95) > 0.2: judge.faults["american p95"].append(numpy.percentile(errors, 95))
    lines = [broken(dice) for _ in range(count)]
    codes = collections.Counter(a["error"]["code"] if "error" in a else "analysed" for a in ask(program, lines))
    print(dict(judge.looked))
    print(f"american: {len(errors)} prices, p95 {numpy.percentile(errors, 95):.4f} bp of spot, max {max(errors):.4f}; broken documents: {dict(codes)}")
    for kind, faults in judge.faults.items():
        print(f"{kind}: {len(faults)}", *(str(f)[:900] for f in faults[:2]), sep="\n    ")
    return 1 if judge.faults else 0


sys.exit(main())
