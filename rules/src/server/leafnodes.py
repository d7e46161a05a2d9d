"""Rules: leaf nodes, seen from the server that connects, and from the hub where that server is no target."""

from rules.src.model import Alert

SUMMARY = "A leaf node has lost its connection"

ALERTS = (
    Alert(
        name="NatsLeafnodeDown",
        severity="critical",
        scope="cluster",
        board="jetstream-servers",
        comment=(
            "Servers that are to connect report how many connections their configuration names, and how many there "
            "are; one that does not answer reports neither. A connection that breaks again and again counts if less "
            "than half of all were there on average of 15 minutes."
        ),
        expr="""
            count by ($cluster) (
              max by ($server, account) (nats_leafnode_configured_connections)
              < on ($server, account)
              max by ($server, account) (nats_leafnode_configured)
              or
              max by ($server, account) (avg_over_time(nats_leafnode_configured_connections[15m]))
              < on ($server, account)
              $threshold * max by ($server, account) (nats_leafnode_configured)
              and on ($server, account)
              max by ($server, account) (changes(nats_leafnode_configured_connections[15m])) > 3
            )
        """,
        values={"threshold": "0.5"},
        wait="2m",
        real_time=True,
        keep="5m",
        summary=SUMMARY,
        description=(
            "Servers of cluster {nats_cluster} lack leaf node connections that their configuration names, or lose "
            "them again and again; the number of accounts and servers concerned is {value | humanize}. Their "
            "clients do not reach the hub, and streams that mirror or source another across do not advance."
        ),
    ),
    Alert(
        name="NatsLeafnodeDown",
        severity="warning",
        scope="cluster",
        board="jetstream-servers",
        comment=(
            "The hub cannot know whether a leaf node left for good. The alert speaks of one that was connected for "
            "half of the last hour, so that it ends by itself half an hour after. In this order it leaves out: a "
            "leaf node that connected to another server; one of which a server that had it does not answer, or "
            "could not say what is connected; connections that the servers of this cluster made themselves, and "
            "leaf nodes that are targets, of which the critical alert speaks."
        ),
        expr="""
            count by ($cluster, remote) (
              sum by ($cluster, account, remote) (
                max by ($server, account, remote) (count_over_time(nats_leafnode_connections{remote!=""}[$window]))
              )
              > on ($cluster) group_left ()
              $threshold * max by ($cluster) (count_over_time(nats_server_up[$window]))
              unless on (account, remote)
              group by (account, remote) (nats_leafnode_connections)
              unless on ($cluster, account, remote) (
                max by ($server, account, remote) (count_over_time(nats_leafnode_connections[$window]))
                unless on ($server) (
                  max by ($server) (nats_server_leafnodes) == 0
                  or on ($server)
                  group by ($server) (nats_leafnode_connections)
                )
              )
              unless on ($cluster, account)
              group by ($cluster, account) (last_over_time(nats_leafnode_configured[$window]))
            )
            unless on (remote)
            label_replace(
              group by ($server) (last_over_time(nats_leafnode_configured[$window])),
              "remote", "$$1", "server", "(.+)"
            )
        """,
        values={"threshold": "0.5", "window": "1h"},
        wait="5m",
        real_time=True,
        keep="5m",
        summary=SUMMARY,
        description=(
            "Leaf node {remote} is no longer connected to cluster {nats_cluster}. The number of accounts that it "
            "connected is {value | humanize}. Their clients there do not reach the cluster."
        ),
    ),
)
