"""Report sink: workers speak gRPC, Prometheus scrapes, shells watch. Others import `tandem_telemetry.client` and nothing else."""
