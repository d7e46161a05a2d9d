"""One scrape, from the request to the text: who shares a collection, when to ask for what, and the time of it all.

`budget` the time, on one page · `single_flight` who shares a collection · `config_schedule` when configurations are
read · `scraper` the scrape itself · `processor` outcomes to the snapshot that is exported · `selection`,
`object_limits` and `slices` which objects are · `renderer` the text.
"""

from jetstream_exporter.scrape.pipeline import Latest, Pipeline
from jetstream_exporter.scrape.renderer import Content, Form, Reload, ScrapeResult
from jetstream_exporter.scrape.scraper import Scraper

__all__ = ["Content", "Form", "Latest", "Pipeline", "Reload", "ScrapeResult", "Scraper"]
