"""What monitoring reads over HTTP: `/healthz`, `/readyz` and `/metrics` (Prometheus text)."""

from bot.monitoring.http import serve_monitoring
from bot.monitoring.measures import Measures, measured
from bot.monitoring.state import Monitoring

__all__ = ["Measures", "Monitoring", "measured", "serve_monitoring"]
