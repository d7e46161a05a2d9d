"""What is wrong with the way from the servers to Prometheus, and what to do. It looks, and changes nothing."""
