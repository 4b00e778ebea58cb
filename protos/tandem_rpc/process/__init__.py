"""What the process of a service has beside its wire: a file that says where it is, and a page for probes and Prometheus."""
