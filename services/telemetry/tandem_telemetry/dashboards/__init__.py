"""What Grafana shows and what Prometheus warns of, made from the catalogue (`poe dashboards`). Nothing of it runs in a service."""
