"""One module per external system. Values are passed in; no store reads settings or prints."""
