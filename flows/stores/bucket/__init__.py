"""The bucket that holds the truth for several machines: objects, the head of each account, leases, and the mirror."""
