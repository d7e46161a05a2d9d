"""What the process needs of its system: threads, tasks, memory, signals, the terminal, the log. It knows no NATS."""
