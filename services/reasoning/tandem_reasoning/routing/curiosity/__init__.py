"""What to ask the cloud lane in order to learn, when the dollars do not reach for all."""
