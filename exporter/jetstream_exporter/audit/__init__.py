"""The production checklist as a command: judges what runs and what is to be applied, changes nothing."""
