"""The production checklist as a command: checks a live cluster and manifests, and changes nothing."""
