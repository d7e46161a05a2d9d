"""What `helm test` runs inside the exporter's image: is it ready, and does NATS answer it?"""

import os
import ssl
import sys
import urllib.error
import urllib.request

BASE = os.environ["EXPORTER_URL"]
# The certificate is for who scrapes from outside; this asks whether the Service answers.
TLS = ssl.create_default_context()
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE


def get(path: str) -> str:
    with urllib.request.urlopen(BASE + path, timeout=15, context=TLS) as answer:  # noqa: S310
        return answer.read().decode()


def main() -> str | None:
    get("/-/ready")
    print("It is ready.")
    try:
        metrics = get("/metrics")
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        print("Its metrics want a password, which this test does not have.")
        return None
    # The Service leads to one of several shards, of which the first alone tells about the servers.
    sharded = "jetstream_exporter_shard_info{" in metrics
    asked = "jetstream_exporter_source_up{" if sharded else "nats_server_up{"
    up = [line for line in metrics.splitlines() if line.startswith(asked)]
    print("\n".join(up))
    if any(line.endswith(" 1") for line in up):
        return None
    return "No NATS server answers it: check config.clusters and the network policies."


sys.exit(main())
