"""What monitoring reads over HTTP: `/healthz`, `/readyz` and `/metrics` (Prometheus text)."""

from bot.monitoring.http import serve_monitoring
from bot.monitoring.measures import MeasuredPerformer, Measures
from bot.monitoring.state import Monitoring

__all__ = ["MeasuredPerformer", "Measures", "Monitoring", "serve_monitoring"]
