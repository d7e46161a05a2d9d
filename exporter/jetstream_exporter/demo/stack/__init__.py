"""Beside the demo's cluster: Prometheus with the shipped rules, Alertmanager, and a stand-in for PagerDuty."""
