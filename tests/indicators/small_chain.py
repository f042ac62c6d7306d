"""Ore from China, steel from Korea, a car from a country of choice: small enough to work by hand."""

import tariffgraph as tg


def small_chain(country="USA", market="MEX"):
    """Steel is half ore; the car is .4 steel and .1 ore. Sold: steel for 60, the car for 100."""
    return tg.from_frames(
        stages={
            "stage": ["car", "ore", "steel"],
            "country": [country, "CHN", "KOR"],
            "product": ["8703.23", "2601", "7208"],
        },
        inputs={
            "supplier": ["ore", "steel", "ore"],
            "user": ["steel", "car", "car"],
            "share": [0.5, 0.4, 0.1],
        },
        shipments={"stage": ["car", "steel"], "market": [market, "USA"], "value": [100.0, 60.0]},
    )


def values(frame, column="value"):
    return dict(zip(frame["stage"], frame[column], strict=True))
