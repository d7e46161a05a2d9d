"""What is wrong now, in words: the alerts' conditions, judged from one snapshot and the little that is remembered.

`alerts` the table that the rules are made from, with its sentences · `numbers` Prometheus' formats · `facts` a
snapshot, looked up · `exporter`, `servers`, `streams`, `consumers`, `thresholds` a function for each condition ·
`conditions` all of them, `growths` those about counters · `watch` what is remembered between collections · `findings`
what holds, worst first · `states` a word for each object · `view` all of it for one moment.

Nothing here reads a clock or a socket: the time is given, in seconds since the epoch. Nothing here queries PromQL. A
condition that needs more history than is remembered is left out, and `conditions.NOT_JUDGED` names its alert.
"""
