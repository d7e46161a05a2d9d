"""One alert in place of those of many consumers of an account."""


def many(record: str) -> str:
    """The accounts with so many of these consumers that one alert stands for all of them."""
    return f"count by ($account) ({record}) > 10"
