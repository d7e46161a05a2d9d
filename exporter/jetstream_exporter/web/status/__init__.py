"""The pages for people: what is wrong now, and each server, stream and consumer. They work without JavaScript."""
