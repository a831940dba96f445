"""Import of a register's extracts from files, through the API alone (domain 7, api.md)."""
