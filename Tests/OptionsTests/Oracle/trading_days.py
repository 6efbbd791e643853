#!/usr/bin/env python3
"""Checks every day of 2024-2031 against exchange_calendars (XNYS).

Usage: trading_days.py FILE. A line: date session expiry, session one of closed, short, full and expiry
M for a monthly one. Expiries are checked by counting Fridays.
"""
import datetime
import sys

import exchange_calendars
import pandas

START, END = "2024-01-01", "2031-12-31"


def main():
    calendar = exchange_calendars.get_calendar("XNYS", start=START, end=END)
    sessions = {day.date() for day in calendar.sessions}
    short = {day.date() for day in calendar.early_closes}
    monthlies = set()
    for year in range(2024, 2032):
        for month in range(1, 13):
            day = [d for d in range(1, 29) if datetime.date(year, month, d).weekday() == 4][2]
            date = datetime.date(year, month, day)
            while date not in sessions:
                date -= datetime.timedelta(days=1)
            monthlies.add(date)
    seen, wrong = 0, 0
    for line in open(sys.argv[1]):
        day, session, mark = line.split()
        date = datetime.date.fromisoformat(day)
        want = "closed" if date not in sessions else "short" if date in short else "full"
        seen += 1
        if session != want or (mark == "M") != (date in monthlies):
            wrong += 1
            print(f"wrong: {line.strip()}, want {want}, monthly {date in monthlies}")
    days = len(pandas.date_range(START, END))
    print(f"{seen} of {days} days, {wrong} wrong")
    return 1 if wrong or seen != days else 0


sys.exit(main())
