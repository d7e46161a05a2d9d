"""Headers that every answer has, whoever made it."""

HEADERS = {
    "Server": "jetstream-exporter",  # and not which libraries there are, in which versions
    "X-Content-Type-Options": "nosniff",
    # Pages have a style sheet and a script of ours, which asks for the page again; nothing within the page counts.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}
