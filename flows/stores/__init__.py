"""One module per thing outside. Values are passed in; no store reads settings or prints."""
