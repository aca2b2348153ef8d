"""Raw pages, as the API sent them."""
