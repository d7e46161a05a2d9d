"""Rules: accounts that are near their limits."""

from rules.src.model import Alert, Severity


def account_storage_high(severity: Severity, threshold: str, wait: str, comment: str = "") -> Alert:
    return Alert(
        name="JetStreamAccountStorageHigh",
        severity=severity,
        scope="account",
        board="jetstream-accounts",
        comment=comment,
        expr="""
            max by ($account, store) (jetstream_account_store_used_bytes)
            / on ($account, store)
            (max by ($account, store) (jetstream_account_store_limit_bytes) > 0)
            > $threshold
            or
            max by ($account, tier, store) (jetstream_account_tier_store_used_bytes)
            / on ($account, tier, store)
            (max by ($account, tier, store) (jetstream_account_tier_store_limit_bytes) > 0)
            > $threshold
        """,
        values={"threshold": threshold},
        wait=wait,
        keep="10m",
        summary="An account has nearly used up its JetStream storage",
        description=(
            "Account {account} of cluster {nats_cluster} uses {value | humanizePercentage} of "
            "its {store} storage{{ with $labels.tier }} of tier {{ . }}{{ end }}. At the limit "
            "its streams reject new messages."
        ),
    )


ALERTS = (
    account_storage_high(
        "warning",
        "0.80",
        wait="15m",
        comment=(
            "All streams of an account share this limit, which counts every replica. An "
            "account that is limited by tiers has no limit outside its tiers."
        ),
    ),
    account_storage_high("critical", "0.95", wait="5m"),
    Alert(
        name="JetStreamAccountLimitNear",
        severity="warning",
        scope="account",
        board="jetstream-accounts",
        comment=(
            "The rule checks three limits: streams; consumers, which the server counts per "
            "stream, so that the total of an account with many streams is ignored if the "
            "numbers per stream are known; and the bytes that streams reserve through "
            "max_bytes, by their share and by whether a stream as large as the account's "
            "largest one would still fit, because the server rejects a stream that does not "
            "fit."
        ),
        expr="""
            label_replace(
              max by ($account) (jetstream_account_streams)
              / on ($account)
              (max by ($account) (jetstream_account_max_streams) > 0)
              > $threshold
              or
              max by ($account, tier) (jetstream_account_tier_streams)
              / on ($account, tier)
              (max by ($account, tier) (jetstream_account_tier_max_streams) > 0)
              > $threshold,
              "limit", "streams", "", ""
            )
            or
            label_replace(
              (
                max by ($account) (jetstream_account_consumers)
                / on ($account)
                (max by ($account) (jetstream_account_max_consumers) > 0)
                > $threshold
                or
                max by ($account, tier) (jetstream_account_tier_consumers)
                / on ($account, tier)
                (max by ($account, tier) (jetstream_account_tier_max_consumers) > 0)
                > $threshold
              )
              unless on ($account)
              max by ($account) (jetstream_stream_consumers)
              <= on ($account)
              $threshold * max by ($account) (jetstream_account_max_consumers or jetstream_account_tier_max_consumers),
              "limit", "consumers", "", ""
            )
            or
            label_replace(
              (
                $reserved_share
                > $threshold
                or
                $reserved_share
                > 0.75
                and on ($account, store)
                (
                  max by ($account, store) (jetstream_account_store_limit_bytes)
                  - on ($account, store)
                  max by ($account, store) (jetstream_account_store_reserved_bytes)
                )
                < on ($account, store)
                max by ($account, store) (
                  label_replace(
                    max by ($stream) (jetstream_stream_max_bytes)
                    * on ($stream)
                    max by ($stream) (jetstream_stream_replicas)
                    * on ($stream) group_left (storage)
                    max by ($stream, storage) (jetstream_stream_info),
                    "store", "$$1", "storage", "(.+)"
                  )
                )
                or
                max by ($account, tier, store) (jetstream_account_tier_store_reserved_bytes)
                / on ($account, tier, store)
                (max by ($account, tier, store) (jetstream_account_tier_store_limit_bytes) > 0)
                > $threshold
              ),
              "limit", "reservations", "", ""
            )
        """,
        values={"threshold": "0.90"},
        parts={
            "reserved_share": """
                max by ($account, store) (jetstream_account_store_reserved_bytes)
                / on ($account, store)
                (max by ($account, store) (jetstream_account_store_limit_bytes) > 0)
            """
        },
        wait="15m",
        keep="10m",
        summary="An account is near one of its JetStream limits",
        description=(
            "Account {account} of cluster {nats_cluster} has used {value | humanizePercentage} "
            "of its limit of {limit}{{ with $labels.store }} in the {{ . }} store{{ end }}{{ "
            "with $labels.tier }} of tier {{ . }}{{ end }}. At the limit the server rejects "
            "new ones."
        ),
    ),
)
