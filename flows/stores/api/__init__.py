"""The Recordings API over HTTP."""
