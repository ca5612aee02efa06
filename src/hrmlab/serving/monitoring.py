"""What the server counts, for Prometheus."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from hrmlab.serving.catalogue import Served

MEDIA_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class _Load(Collector):
    """What waits and is in work at the moment of asking."""

    def __init__(self, served: Iterable[Served]) -> None:
        self._served = served

    def collect(self) -> Iterator[GaugeMetricFamily]:
        waiting = GaugeMetricFamily("hrmlab_waiting", "Questions or texts that wait for a slot.", labels=["model"])
        working = GaugeMetricFamily("hrmlab_working", "Questions or texts in work.", labels=["model"])
        for each in self._served:
            worker = each.engine or each.writer
            waiting.add_metric([each.name], 0 if worker is None else worker.waiting)
            working.add_metric([each.name], 0 if worker is None else worker.working)
        yield waiting
        yield working


class Monitoring:
    """The counts of one application, in a registry of its own.

    Args:
        served: the models, whose load is asked for.
    """

    def __init__(self, served: Iterable[Served]) -> None:
        self._registry = registry = CollectorRegistry()
        registry.register(_Load(served))
        self.requests = Counter("hrmlab_requests", "Requests answered.", ["route", "status"], registry=registry)
        self.seconds = Histogram(
            "hrmlab_request_seconds", "From a request's head to its last byte.", ["route"], buckets=_SECONDS, registry=registry
        )
        self.open = Gauge("hrmlab_requests_open", "Requests being answered.", registry=registry)
        self.answers = Counter("hrmlab_answers", "Puzzles answered.", ["model"], registry=registry)
        self.segments = Counter("hrmlab_segments", "Segments after which answered puzzles stopped.", ["model"], registry=registry)
        self.tokens = Counter("hrmlab_tokens", "Tokens written.", ["model"], registry=registry)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)
