"""Drives runs: plan, gate, execute, recover. Knows nothing of Slack, SSH or SQL: it reaches them through `ports`."""
