"""SQL models, and what they read besides the lake."""
