"""What happens when files are damaged or lost, the disk is full, and processes are killed."""
