"""What outlives a scrape: the little that earlier scrapes know and a later one needs."""
