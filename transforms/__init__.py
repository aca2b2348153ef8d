"""Pure functions: page bytes to tables, SQL text to build order, tables to text. No network, disk or clock."""
