"""PromQL about servers that started a moment ago."""

# A server that restarts again and again would always have started a moment ago, so that only the first start within the
# hour counts.
JUST_STARTED = """
    time() - max by ($server) (nats_server_start_timestamp_seconds) < 600
    unless on ($server)
    max by ($server) (changes(nats_server_start_timestamp_seconds[1h])) > 1
"""
