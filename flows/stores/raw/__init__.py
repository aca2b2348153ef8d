"""Raw pages, exactly as the API sent them."""
