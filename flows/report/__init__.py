"""Write the files people read from the warehouse."""
