"""Numbers as a person reads them."""


def duration(seconds: float) -> str:
    """Seconds as seconds, minutes or hours."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def operations(flops: float) -> str:
    """Floating-point operations, a multiply-add counted as two."""
    return f"{flops:.2e} floating-point operations"


def remaining(done: float, total: float, seconds: float) -> str:
    """What is left of work of which ``done`` of ``total`` took ``seconds``: ``about 3 min 10 s left``; empty where nobody can say."""
    if not 0 < done < total or seconds <= 0:
        return ""
    return f"about {duration(seconds / done * (total - done))} left"
