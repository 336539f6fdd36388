"""Times and durations in words."""


def clock(seconds: float) -> str:
    """A time as 1:02.3, or 1:01:02 from one hour on."""
    tenths = round(max(seconds, 0.0) * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{tenths // 10:02}"
    return f"{minutes}:{tenths // 10:02}.{tenths % 10}"


def duration(seconds: float) -> str:
    """A duration as 0.8 s, 42 s, 3 min 20 s or 1 h 5 min."""
    if seconds < 0.095:
        return "less than 0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: 1 track, 2,000 tracks."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
